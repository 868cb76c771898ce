import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type NativeServer, startRedis } from '../../../test/backends.ts';
import { RedisPulse } from '../services/redis-pulse.ts';

let server: NativeServer;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis({});
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis?.disconnect();
  await server?.stop();
});

it('ends every wait for a Redis that is frozen, refuses at once, and goes on when it answers', async () => {
  const changes: boolean[] = [];
  const pulse = new RedisPulse({
    ...{ redis, silenceMs: 200 },
    onChange: (isSilent) => changes.push(isSilent),
  });
  const ask = () => pulse.guard(() => redis.incr('asked'));
  expect(await ask()).toBe(1);
  server.pause();
  try {
    const refusal = { problem: { code: 'unavailable', retryAfterMs: 1_000 }, status: 503 };
    const waiting = [ask(), ask(), ask()].map((one) => one.catch((error) => error));
    for (const one of await Promise.all(waiting)) expect(one).toMatchObject(refusal);
    const from = performance.now();
    await expect(ask()).rejects.toMatchObject(refusal);
    expect(performance.now() - from).toBeLessThan(100);
  } finally {
    server.resume();
  }
  await expect.poll(() => changes).toEqual([true, false]);
  // what was on its way was done; what was refused was never sent
  expect(await ask()).toBe(5);
  // our own pause is not Redis's
  const until = performance.now() + 600;
  while (performance.now() < until);
  expect(await ask()).toBe(6);
  expect(changes).toEqual([true, false]);
  await expect(pulse.guard(() => redis.call('NO-SUCH'))).rejects.toThrow('unknown command');
  pulse.close();
});
