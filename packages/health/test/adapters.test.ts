import { createServer, type Server } from 'node:http';
import express from 'express';
import fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expressHealth, fastifyHealth, Health, httpHandler } from '../src/index.ts';

const TOKEN = 'details-token-0123456789';

function newHealth() {
  const health = new Health({ service: 'orders', version: '1.2.3', detailsToken: TOKEN });
  health.check('db', async () => ({ rows: 1 }), { scope: 'shared' });
  health.check(
    'disk',
    () => {
      throw new Error('full');
    },
    { groups: ['deep'] },
  );
  return health;
}

interface Running {
  readonly health: Health;
  readonly origin: string;
  close(): Promise<unknown>;
}

const originOf = (server: Server) =>
  `http://127.0.0.1:${(server.address() as { port: number }).port}`;

/** Every adapter has to pass the same suite; each serves `/own` itself. */
const ADAPTERS: Record<string, (prefix: string) => Promise<Running>> = {
  async 'node:http'(prefix) {
    const health = newHealth();
    const probes = httpHandler(health, { prefix });
    const server = createServer((request, response) => {
      if (probes(request, response)) return;
      response.statusCode = request.url === '/own' ? 200 : 404;
      response.end('own');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const close = () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    };
    return { health, origin: originOf(server), close };
  },
  async 'Fastify 5'(prefix) {
    const health = newHealth();
    const app = fastify({ forceCloseConnections: true });
    app.get('/own', () => 'own');
    app.register(fastifyHealth(health), { prefix });
    await app.listen({ port: 0, host: '127.0.0.1' });
    return { health, origin: originOf(app.server), close: () => app.close() };
  },
  async 'Express 5'(prefix) {
    const health = newHealth();
    const app = express();
    app.use(prefix === '' ? '/' : prefix, expressHealth(health));
    app.get('/own', (_, response) => void response.send('own'));
    const server = await new Promise<Server>((resolve) => {
      const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
    });
    const close = () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    };
    return { health, origin: originOf(server), close };
  },
};

describe.each(Object.keys(ADAPTERS))('%s', (name) => {
  let running: Running;
  beforeAll(async () => {
    running = await (ADAPTERS[name] as (prefix: string) => Promise<Running>)('');
  });
  afterAll(() => running.close());

  const get = (path: string, init: RequestInit = {}) => fetch(running.origin + path, init);
  const withToken = { headers: { authorization: `Bearer ${TOKEN}` } };

  test.each([
    ['/live', 200, 'pass'],
    ['/ready', 200, 'pass'],
    ['/startup', 200, 'pass'],
    ['/health', 503, 'fail'],
    ['/health/deep', 503, 'fail'],
    ['/health/readiness', 200, 'pass'],
    ['/ready?verbose=1', 200, 'pass'],
  ])('GET %s answers %i, says %s and nothing else', async (path, statusCode, status) => {
    const response = await get(path);
    expect([response.status, await response.json()]).toEqual([statusCode, { status }]);
    expect(response.headers.get('content-type')).toBe('application/health+json; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  test('the details come with the token, in the shape of the draft', async () => {
    const body = await (await get('/ready', withToken)).json();
    expect(body).toEqual({
      status: 'pass',
      serviceId: 'orders',
      version: '1.2.3',
      description: 'health of orders: readiness',
      checks: {
        'db:responseTime': [
          {
            status: 'pass',
            observedValue: expect.any(Number),
            observedUnit: 'ms',
            time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
            scope: 'shared',
            groups: ['readiness'],
            data: { rows: 1 },
            history: expect.objectContaining({ runs: expect.any(Number), failures: 0 }),
          },
        ],
      },
    });
  });

  test.each([
    'Bearer details-token-012345678',
    'Bearer details-token-01234567890',
    'Bearer ',
    `Basic ${TOKEN}`,
    TOKEN,
    `Bearer ${'x'.repeat(5_000)}`,
  ])('no details for %s', async (authorization) => {
    const response = await get('/health', { headers: { authorization } });
    expect(await response.json()).toEqual({ status: 'fail' });
  });

  test('an unknown group is 404, another path and another method are not ours', async () => {
    expect((await get('/health/nothing')).status).toBe(404);
    expect((await get('/health/nothing/at/all')).status).toBe(404);
    expect(await (await get('/own')).text()).toBe('own');
    expect((await get('/livelihood')).status).toBe(404);
    expect((await get('/live', { method: 'POST' })).status).toBe(404);
  });

  test('HEAD has the status and no body', async () => {
    const response = await get('/health', { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([503, '']);
  });

  test('a prefix moves the probes', async () => {
    const moved = await (ADAPTERS[name] as (prefix: string) => Promise<Running>)('/internal');
    const statusOf = async (path: string) => (await fetch(moved.origin + path)).status;
    expect([await statusOf('/internal/ready'), await statusOf('/ready')]).toEqual([200, 404]);
    await moved.close();
  });

  test('draining fails /ready and leaves /live', async () => {
    running.health.drain('SIGTERM');
    const ready = await get('/ready');
    expect([ready.status, await ready.json()]).toEqual([
      503,
      { status: 'fail', notes: ['draining'] },
    ]);
    expect((await get('/live')).status).toBe(200);
  });
});

test.each(['internal', '/internal/', '//'])('the prefix %s is refused', (prefix) => {
  expect(() => httpHandler(new Health({ service: 'x' }), { prefix })).toThrow('`prefix`');
});

test('without a token in the options nobody sees details', async () => {
  const health = new Health({ service: 'orders' });
  expect(health.mayReadDetails('Bearer undefined')).toBe(false);
  expect(health.mayReadDetails(undefined)).toBe(false);
});
