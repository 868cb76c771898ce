import { createServer, type Server, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type NativeServer, startRedis, uniqueName } from '../../../test/backends.ts';
import { redisQuorum } from '../src/index.ts';
import { Fixture, until } from './support.ts';

let redis: NativeServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** The shared dependency: it answers every connection, until it is cut for some or for all. */
async function dependency() {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.end('well');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    die: () => new Promise((resolve) => server.close(resolve)),
    revive: () => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve)),
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

/** Five processes of one service, each probed every 100 ms by itself; `statuses` are their readiness codes now. */
async function fleet(service: string, port: number) {
  const options = { service, redisUrl: redis.url, port };
  const members = Array.from({ length: 5 }, () => new Fixture('quorum-member.ts', options));
  const ports = await Promise.all(members.map(async (one) => Number(await one.line('listening'))));
  const ask = async (index: number, path: string) =>
    (await fetch(`http://127.0.0.1:${ports[index]}${path}`)).status;
  return {
    statuses: () => Promise.all(members.map((_, index) => ask(index, '/ready'))),
    cut: (index: number) => ask(index, '/cut'),
    heal: (index: number) => ask(index, '/heal'),
    /** What any of them ever answered since it was asked last. */
    seen: async () =>
      Promise.all(ports.map(async (one) => (await fetch(`http://127.0.0.1:${one}/seen`)).json())),
    async [Symbol.asyncDispose]() {
      await Promise.all(members.map((one) => one[Symbol.asyncDispose]()));
    },
  };
}

const allReady = [200, 200, 200, 200, 200];
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('five processes and one shared dependency', () => {
  test('dead for all: all stay ready; cut off from one: only that one leaves; Redis dead: nobody leaves', {
    timeout: 60_000,
  }, async () => {
    await using shared = await dependency();
    await using five = await fleet(uniqueName('orders'), shared.port);
    await until(async () => String(await five.statuses()) === String(allReady));
    await five.seen();

    // Dead for all. Nobody may be unready for even one probe, also not whoever noticed first.
    await shared.die();
    await wait(2_500);
    expect(await five.seen()).toEqual(
      new Array(5).fill({ pass: expect.any(Number), warn: expect.any(Number), fail: 0 }),
    );
    expect(await five.statuses()).toEqual(allReady);
    await shared.revive();
    await wait(600);
    await five.seen();

    // Cut off from one.
    await five.cut(2);
    await until(async () => String(await five.statuses()) === '200,200,503,200,200', 10_000);
    const others = await five.seen();
    others.splice(2, 1);
    for (const other of others) expect(other).toMatchObject({ fail: 0, warn: 0 });

    // The Redis dies: the one that is out comes back, degraded, and nobody else leaves.
    await redis.kill();
    await until(async () => String(await five.statuses()) === String(allReady), 10_000);
    await shared.die();
    await wait(1_500);
    expect(await five.statuses()).toEqual(allReady);
    await redis.restart();
    await wait(1_500);
    expect(await five.statuses()).toEqual(allReady);
    await shared.revive();
    // With Redis and the dependency back, the one that is still cut off leaves again, and is healed.
    await until(async () => String(await five.statuses()) === '200,200,503,200,200', 10_000);
    await five.heal(2);
    await until(async () => String(await five.statuses()) === String(allReady), 10_000);
  });
});

describe('redisQuorum', () => {
  test('counts each instance once, by its latest vote, and only good runs after the trouble began', async () => {
    const client = new Redis(redis.url);
    const service = uniqueName('s');
    const vote = (who: ReturnType<typeof redisQuorum>, isWell: boolean) =>
      who.vote({ service, check: 'db', isWell });
    const [a, b, c] = [0, 1, 2].map(() => redisQuorum(client, { settleMs: 50, voteTtlMs: 400 }));
    if (a === undefined || b === undefined || c === undefined) throw new Error('three');
    await vote(b, true);
    await vote(c, true);
    // Both were well before the trouble began: that says nothing of now.
    expect(await vote(a, false)).toEqual({ well: 0, unwell: 0 });
    await wait(60);
    await vote(b, true);
    await vote(b, true);
    expect(await vote(a, false)).toEqual({ well: 1, unwell: 0 });
    await vote(c, false);
    await vote(b, false);
    expect(await vote(a, false)).toEqual({ well: 0, unwell: 2 });
    // Votes are forgotten; the keys as well.
    await wait(450);
    expect(await vote(a, false)).toEqual({ well: 0, unwell: 0 });
    await wait(450);
    expect(await client.keys(`*${service}*`)).toEqual([]);
    client.disconnect();
  });

  test('a vote of the future, from before the clock was set back, counts for nothing', async () => {
    const client = new Redis(redis.url);
    const service = uniqueName('s');
    const one = redisQuorum(client, { settleMs: 0 });
    await client.zadd(
      `evenkeel:health:quorum:{${service}:db}:well`,
      Date.now() + 3_600_000,
      'ghost',
    );
    expect(await one.vote({ service, check: 'db', isWell: false })).toEqual({ well: 0, unwell: 0 });
    client.disconnect();
  });

  test.each([
    [{ voteTtlMs: 500 }, '`voteTtlMs` in [1001, 86400000], got 500'],
    [{ settleMs: Number.NaN }, '`settleMs` in [0, 3600000], got NaN'],
    [{ keyPrefix: '{x}' }, '`keyPrefix` without space or braces'],
  ])('%j is refused', (options, message) => {
    expect(() => redisQuorum({ eval: async () => [] }, options)).toThrow(message);
    expect(() => redisQuorum({} as never)).toThrow('`redis.eval` to be a function');
  });
});
