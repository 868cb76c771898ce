import { createServer } from 'node:http';
import { getHeapStatistics } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { eventLoopCheck, Health, heapCheck, httpCheck, pgPoolCheck } from '../src/index.ts';
import { idleSignal, until } from './support.ts';

describe('eventLoopCheck', () => {
  test('finds that the event loop stood still for 300 ms, and forgets it afterwards', async () => {
    const source = eventLoopCheck({ maxDelayMs: 200 });
    source.check(idleSignal);
    await new Promise((resolve) => setTimeout(resolve, 30));
    const until = performance.now() + 300;
    while (performance.now() < until);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(() => source.check(idleSignal)).toThrow(
      /the event loop stood still for \d{3} ms, allowed 200/,
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(source.check(idleSignal)).toMatchObject({ maxDelayMs: expect.any(Number) });
    await source.close?.();
  });

  test('a limit below what it can measure is refused', () => {
    expect(() => eventLoopCheck({ maxDelayMs: 5 })).toThrow('`maxDelayMs` of at least 10, got 5');
  });
});

describe('heapCheck', () => {
  test('fails above the ratio and passes below', () => {
    expect(heapCheck({ maxRatio: 1 }).check(idleSignal)).toMatchObject({
      limitBytes: getHeapStatistics().heap_size_limit,
    });
    expect(() => heapCheck({ maxRatio: 0.000_1 }).check(idleSignal)).toThrow(/filled to 0\.\d+/);
  });

  test.each([0, 1.1, Number.NaN])('the ratio %d is refused', (maxRatio) => {
    expect(() => heapCheck({ maxRatio })).toThrow('`maxRatio`');
  });
});

describe('httpCheck', () => {
  async function other(statusCode: number) {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers['x-probe'] ?? ''}`);
      if (statusCode === 302) response.setHeader('location', '/elsewhere');
      response.statusCode = statusCode;
      response.end('well');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    return {
      asked,
      origin: `http://127.0.0.1:${port}`,
      async [Symbol.asyncDispose]() {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }

  test('asks /live of a bare origin, and any path as it stands, with the headers', async () => {
    await using service = await other(200);
    const headers = { 'x-probe': 'yes' };
    expect(await httpCheck(service.origin, { headers }).check(idleSignal)).toEqual({
      statusCode: 200,
    });
    await httpCheck(`${service.origin}/healthz?a=1`).check(idleSignal);
    expect(service.asked).toEqual(['GET /live yes', 'GET /healthz?a=1 ']);
  });

  test.each([302, 404, 503])(
    'a status of %i is a failure; no redirect is followed',
    async (code) => {
      await using service = await other(code);
      await expect(httpCheck(service.origin).check(idleSignal)).rejects.toMatchObject({
        code: 'ERR_UNEXPECTED_DATA',
        message: `answered ${code}`,
      });
      expect(service.asked).toHaveLength(1);
    },
  );

  test('the answer itself can be judged', async () => {
    await using service = await other(200);
    const expectWell = async (response: Response) => (await response.text()) === 'well';
    await httpCheck(service.origin, { expect: expectWell }).check(idleSignal);
    const never = httpCheck(service.origin, { expect: () => false }).check(idleSignal);
    await expect(never).rejects.toThrow('answered 200');
  });

  test('is cancelled by its budget', async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const health = new Health({ service: 'orders' });
    health.check('psp', httpCheck(`http://127.0.0.1:${port}`), { timeoutMs: 100 });
    expect((await health.readiness()).checks[0]?.reason).toBe('no answer within 100 ms');
    const connections = () =>
      new Promise<boolean>((resolve) => server.getConnections((_, count) => resolve(count === 0)));
    await until(connections);
    server.close();
  });

  test.each(['', 'payments:8080', 'ftp://x', 'http://app:hunter2@psp/'])('%j is refused', (url) => {
    expect(() => httpCheck(url)).toThrow(TypeError);
    expect(() => httpCheck(url)).not.toThrow('hunter2');
  });
});

describe('pgPoolCheck', () => {
  test('fails only when callers have waited without a break for the whole window', () => {
    let now = 0;
    const pool = { totalCount: 10, idleCount: 0, waitingCount: 0 };
    const source = pgPoolCheck(pool, { windowMs: 1_000, clock: () => now });
    source.check(idleSignal);
    pool.waitingCount = 5;
    now = 999;
    expect(source.check(idleSignal)).toEqual({ total: 10, idle: 0, waiting: 5, waitingForMs: 999 });
    now = 1_000;
    expect(() => source.check(idleSignal)).toThrow('5 callers wait for a connection of 10');
    pool.waitingCount = 0;
    expect(source.check(idleSignal)).toMatchObject({ waitingForMs: 0 });
    pool.waitingCount = 5;
    now = 1_999;
    expect(source.check(idleSignal)).toMatchObject({ waitingForMs: 999 });
    void source.close?.();
  });

  test('a queue up to maxWaiting is allowed for ever', () => {
    let now = 0;
    const pool = { totalCount: 10, idleCount: 0, waitingCount: 3 };
    const source = pgPoolCheck(pool, { maxWaiting: 3, windowMs: 1, clock: () => now });
    source.check(idleSignal);
    now = 10_000;
    expect(source.check(idleSignal)).toMatchObject({ waiting: 3 });
    void source.close?.();
  });

  test('what is no pool is refused', () => {
    expect(() => pgPoolCheck({} as never)).toThrow('`pool.waitingCount` to be a number');
  });
});
