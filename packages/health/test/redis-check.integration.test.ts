import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type NativeServer, startRedis } from '../../../test/backends.ts';
import { Health, redisCheck } from '../src/index.ts';
import { ANSWERED_WITHIN_MS, idleSignal, until } from './support.ts';

let server: NativeServer;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

function watched(client: Redis) {
  const health = new Health({ service: 'orders' });
  const limits = { scope: 'local', ttlMs: 0, failAfter: 1, recoverAfter: 1 } as const;
  health.check('redis', redisCheck(client), limits);
  return async () => {
    const startedAt = performance.now();
    const { status, checks } = await health.readiness();
    return { status, reason: checks[0]?.reason, ms: performance.now() - startedAt };
  };
}

describe('redisCheck', () => {
  test('writes, reads back, deletes, and leaves nothing behind, two instances at once', async () => {
    const other = new Redis(server.url);
    const sources = [redisCheck(redis), redisCheck(other)];
    for (let run = 0; run < 10; run++) {
      const answers = await Promise.all(sources.map((source) => source.check(idleSignal)));
      expect(answers).toEqual([{ roundTrips: 3 }, { roundTrips: 3 }]);
    }
    expect(await redis.dbsize()).toBe(0);
    other.disconnect();
  });

  test('a value that comes back different is a failure', async () => {
    const stale = {
      set: redis.set.bind(redis),
      get: async () => 'of another time',
      del: redis.del.bind(redis),
    } as never;
    await expect(async () => redisCheck(stale).check(idleSignal)).rejects.toMatchObject({
      code: 'ERR_UNEXPECTED_DATA',
    });
  });

  test('finds a replica that is read-only, where PING says PONG', async () => {
    await using replica = await startRedis({ replicaOf: server });
    const client = new Redis(replica.url);
    expect(await client.ping()).toBe('PONG');
    const { status, reason } = await watched(client)();
    expect([status, reason]).toEqual([
      'fail',
      "READONLY You can't write against a read only replica.",
    ]);
    client.disconnect();
  });

  test('finds a memory that is full, where PING says PONG', async () => {
    const limits = ['--maxmemory', '1', '--maxmemory-policy', 'noeviction'];
    await using full = await startRedis({ args: limits });
    const client = new Redis(full.url);
    expect(await client.ping()).toBe('PONG');
    expect((await watched(client)()).reason).toMatch(/^OOM command not allowed/);
    client.disconnect();
  });

  test('a paused Redis is answered for in time, with one call, and recovers', async () => {
    const probe = watched(redis);
    expect((await probe()).status).toBe('pass');
    server.pause();
    try {
      const first = await probe();
      expect(first).toMatchObject({ status: 'fail', reason: 'no answer within 500 ms' });
      expect(first.ms).toBeLessThan(ANSWERED_WITHIN_MS);
      expect((await probe()).reason).toMatch(/an earlier call has not returned/);
    } finally {
      server.resume();
    }
    await until(async () => (await probe()).status === 'pass');
  });

  test('what is no client is refused', () => {
    expect(() => redisCheck({} as never)).toThrow('`redis.set` to be a function');
    expect(() => redisCheck(redis, { keyPrefix: '' })).toThrow('`keyPrefix` not to be empty');
  });
});
