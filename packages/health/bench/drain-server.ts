/** One service per way of shutting down, for drain.bench.ts: `node drain-server.ts <way>`. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { GracefulShutdown, Health, httpHandler } from '@evenkeel/health';
import terminus from '@godaddy/terminus';
import fastify from 'fastify';
import gracefulShutdown from 'http-graceful-shutdown';
import { createHttpTerminator } from 'http-terminator';
import lightship from 'lightship';
import stoppable from 'stoppable';
import { WebSocketServer } from 'ws';
import { nestApp } from './nest-app.ts';

/** What every library is given between the signal and the end of the listener. */
const DELAY_MS = 2_000;
const PAYMENT_MS = 20;
const way = process.argv[2] ?? '';
let isReady = true;

const pay: RequestListener = (request, response) => {
  if (request.url === '/ready') {
    response.statusCode = isReady ? 200 : 503;
    response.end();
    return;
  }
  request.resume();
  setTimeout(() => response.end('{"paid":true}'), PAYMENT_MS);
};

/** What a careful author does by hand around a library that closes the server: readiness first, then a delay. */
async function delayed(close: () => Promise<unknown> | unknown): Promise<void> {
  isReady = false;
  await wait(DELAY_MS);
  await close();
  process.exit(0);
}

const onTerm = (close: () => Promise<unknown> | unknown) =>
  void process.on('SIGTERM', () => void delayed(close));
const closed = (server: Server) => new Promise((resolve) => server.close(resolve));

const ways: Record<string, () => Promise<Server> | Server> = {
  'server.close()'() {
    const server = createServer(pay);
    process.on('SIGTERM', () => server.close(() => process.exit(0)));
    return server;
  },
  'server.close(), 2 s later'() {
    const server = createServer(pay);
    onTerm(() => closed(server));
    return server;
  },
  async 'fastify.close(), 2 s later'() {
    const app = fastify();
    app.get('/ready', (_, reply) => reply.code(isReady ? 200 : 503).send());
    app.post('/pay', async () => {
      await wait(PAYMENT_MS);
      return { paid: true };
    });
    onTerm(() => app.close());
    await app.ready();
    return app.server;
  },
  '@godaddy/terminus'() {
    const server = createServer(pay);
    terminus.createTerminus(server, {
      healthChecks: { '/ready': () => Promise.resolve() },
      signal: 'SIGTERM',
      timeout: 10_000,
      beforeShutdown: () => wait(DELAY_MS),
    });
    return server;
  },
  'http-terminator'() {
    const server = createServer(pay);
    const terminator = createHttpTerminator({ server });
    onTerm(() => terminator.terminate());
    return server;
  },
  stoppable() {
    const server = stoppable(createServer(pay), 10_000);
    onTerm(() => new Promise<void>((resolve) => server.stop(() => resolve())));
    return server;
  },
  'http-graceful-shutdown'() {
    const server = createServer(pay);
    gracefulShutdown(server, {
      signals: 'SIGTERM',
      timeout: 10_000,
      preShutdown: () => {
        isReady = false;
        return wait(DELAY_MS);
      },
    });
    return server;
  },
  async lightship() {
    const server = createServer(pay);
    const ship = await lightship.createLightship({
      detectKubernetes: false,
      shutdownDelay: DELAY_MS,
      shutdownHandlerTimeout: 10_000,
      gracefulShutdownTimeout: 15_000,
    });
    // Its own readiness is on a port of its own; the balancer of this benchmark asks here.
    process.on('SIGTERM', () => {
      isReady = false;
    });
    ship.registerShutdownHandler(async () => void (await closed(server)));
    ship.signalReady();
    return server;
  },
  async '@nestjs/terminus'() {
    const app = await nestApp({
      dependency: () => (isReady ? Promise.resolve() : Promise.reject(new Error('leaving'))),
      pay: async () => {
        await wait(PAYMENT_MS);
        return { paid: true };
      },
      gracefulShutdownTimeoutMs: DELAY_MS,
    });
    process.on('SIGTERM', () => {
      isReady = false;
    });
    app.enableShutdownHooks(['SIGTERM']);
    return app.getHttpServer();
  },
  '@evenkeel/health'() {
    const health = new Health({ service: 'bench' });
    const probes = httpHandler(health);
    const server = createServer((request, response) => {
      if (!probes(request, response)) pay(request, response);
    });
    sockets = new WebSocketServer({ server, path: '/progress' });
    const servers = { servers: [server], webSocketServers: [sockets] };
    new GracefulShutdown({ health, ...servers, drainDelayMs: DELAY_MS }).listen();
    return server;
  },
};

let sockets: WebSocketServer | undefined;
const start = ways[way];
if (start === undefined) throw new Error(`no way "${way}": ${Object.keys(ways).join(', ')}`);
const server = await start();
sockets ??= new WebSocketServer({ server, path: '/progress' });
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
console.log(`listening ${(server.address() as { port: number }).port}`);
