/**
 * One way of answering `/ready` per process, for probe.bench.ts: `node probe-server.ts <way>`. The parent tells the
 * dependency how to behave and asks what it cost, over the process channel.
 */
import { createServer, type Server } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { fastifyHealth, Health, httpHandler } from '@evenkeel/health';
import underPressure from '@fastify/under-pressure';
import terminus from '@godaddy/terminus';
import fastify from 'fastify';
import { nestApp } from './nest-app.ts';

/** What the parent may ask. */
export type Question = 'hang' | 'work 20 ms' | 'count';

/** What it is answered. */
export interface Count {
  readonly calls: number;
  readonly running: number;
  readonly mostAtOnce: number;
  readonly cpuUs: number;
}

let calls = 0;
let running = 0;
let mostAtOnce = 0;
let behaviour: 'answer' | Question = 'answer';

async function dependency(): Promise<true> {
  calls++;
  mostAtOnce = Math.max(mostAtOnce, ++running);
  if (behaviour === 'hang') await new Promise(() => undefined);
  if (behaviour === 'work 20 ms') await wait(20);
  running--;
  return true;
}

process.on('message', (question: Question) => {
  if (question !== 'count') {
    behaviour = question;
    calls = 0;
    mostAtOnce = running;
  }
  const { user, system } = process.cpuUsage();
  process.send?.({ calls, running, mostAtOnce, cpuUs: user + system } satisfies Count);
});
process.on('disconnect', () => process.exit());

const ways: Record<string, () => Promise<Server> | Server> = {
  'node:http by hand'() {
    return createServer((request, response) => {
      if (request.url !== '/ready') return void response.writeHead(404).end();
      dependency().then(
        () => {
          const body = JSON.stringify({ status: 'ok' });
          const length = Buffer.byteLength(body);
          response.writeHead(200, { 'content-type': 'application/json', 'content-length': length });
          response.end(body);
        },
        () => response.writeHead(503).end(),
      );
    });
  },
  '@godaddy/terminus'() {
    const server = createServer((_, response) => response.writeHead(404).end());
    terminus.createTerminus(server, { healthChecks: { '/ready': dependency } });
    return server;
  },
  async '@fastify/under-pressure'() {
    const app = fastify();
    const healthCheck = { healthCheck: dependency, healthCheckInterval: 1_000 };
    await app.register(underPressure, { ...healthCheck, exposeStatusRoute: '/ready' });
    await app.ready();
    return app.server;
  },
  async '@nestjs/terminus, attempt + cache'() {
    const app = await nestApp({ dependency, pay: () => Promise.resolve() });
    return app.getHttpServer();
  },
  '@evenkeel/health, node:http'() {
    const probes = httpHandler(newHealth());
    return createServer((request, response) => {
      if (!probes(request, response)) response.writeHead(404).end();
    });
  },
  async '@evenkeel/health, Fastify'() {
    const app = fastify();
    app.register(fastifyHealth(newHealth()));
    await app.ready();
    return app.server;
  },
};

function newHealth(): Health {
  // The others believe a first failure; by default we would forgive two.
  return new Health({ service: 'bench' }).check('db', dependency, { failAfter: 1 });
}

const server = await ways[process.argv[2] ?? '']?.();
if (server === undefined) throw new Error(`ways: ${Object.keys(ways).join(', ')}`);
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as { port: number }).port });
});
