import fc from 'fast-check';
import { Cluster, Redis } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import { startRedis, uniqueName } from '../../../test/backends.ts';
import { type JobState, type JobStatus, redisStatus } from '../src/index.ts';
import { orderOf } from '../src/status.ts';
import { Clients } from './clients.ts';
import { until } from './until.ts';

const clients = new Clients();
const prefix = uniqueName('status');
const writer = redisStatus(clients.redis(), { prefix });
const reader = redisStatus(clients.redis(), { prefix });
afterAll(async () => {
  await reader.close();
  await clients.close();
});

let ids = 0;
const newId = () => `job-${++ids}`;

function update(
  id: string,
  state: JobState,
  attempt = 1,
  progress = 0,
  sequence = 0,
  more: Partial<JobStatus> = {},
) {
  const status: JobStatus = { id, name: 'test', state, attempt, progress, atMs: 1, ...more };
  return { status, order: orderOf(status, sequence) };
}

const lives = fc.array(
  fc.record({
    state: fc.constantFrom<JobState>('queued', 'active', 'retrying', 'succeeded', 'dead'),
    attempt: fc.integer({ min: 0, max: 4 }),
    progress: fc.integer({ min: 0, max: 100 }),
    sequence: fc.nat(5),
  }),
  { minLength: 1, maxLength: 15 },
);

describe('status in Redis', () => {
  it('ends at the latest status, and shows a watcher only rising ones, in whatever order they arrive', async () => {
    await fc.assert(
      fc.asyncProperty(lives, async (life) => {
        const id = newId();
        const updates = life.map(({ state, attempt, progress, sequence }) =>
          update(id, state, attempt, progress, sequence),
        );
        const seen: JobStatus[] = [];
        const stop = new AbortController();
        const watching = (async () => {
          for await (const status of reader.watch(id, stop.signal)) seen.push(status);
        })();
        for (const one of updates) await writer.write([one]);
        // The model: the greatest order wins
        const latest = [...updates].sort((a, b) => (a.order < b.order ? 1 : -1))[0];
        expect(await reader.read(id)).toEqual(latest?.status);
        if (!['succeeded', 'dead'].includes(latest?.status.state as string)) {
          await until(
            'the watcher has it',
            () => JSON.stringify(seen.at(-1)) === JSON.stringify(latest?.status),
          );
        }
        setTimeout(() => stop.abort(), 50);
        await watching;
        const orders = seen.map(
          (status) =>
            updates.findLast(({ status: s }) => JSON.stringify(s) === JSON.stringify(status))
              ?.order ?? '',
        );
        expect(orders).toEqual([...new Set(orders)].sort());
      }),
      { numRuns: 40 },
    );
  });

  it('shows the snapshot first, then events, and ends with the final one', async () => {
    const id = newId();
    await writer.write([update(id, 'active', 1, 10, 1)]);
    const states: string[] = [];
    for await (const { state, progress } of reader.watch(id)) {
      states.push(`${state} ${progress}`);
      if (progress === 10) await writer.write([update(id, 'active', 1, 50, 2)]);
      if (progress === 50) await writer.write([update(id, 'succeeded', 1, 100)]);
    }
    expect(states).toEqual(['active 10', 'active 50', 'succeeded 100']);
  });

  it('gives a slow reader the latest only', async () => {
    const id = newId();
    await writer.write([update(id, 'active', 1, 0)]);
    const seen: number[] = [];
    for await (const { progress } of reader.watch(id)) {
      seen.push(progress);
      if (progress > 0) continue;
      for (let percent = 1; percent <= 90; percent++)
        await writer.write([update(id, 'active', 1, percent)]);
      await writer.write([update(id, 'succeeded', 1, 100)]);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(seen).toEqual([0, 100]);
  });

  it('serves many watchers, and lets go of the channel with the last one', async () => {
    const id = newId();
    const watchers = Array.from({ length: 200 }, async () => {
      for await (const status of reader.watch(id)) if (status.state === 'dead') return status.error;
      return undefined;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await writer.write([update(id, 'dead', 3, 0, 0, { error: { name: 'Error', message: 'no' } })]);
    const ends = await Promise.all(watchers);
    expect(new Set(ends.map((end) => end?.message))).toEqual(new Set(['no']));
    const client = clients.redis();
    await until('no subscription', async () => {
      const channels = (await client.call('PUBSUB', 'CHANNELS', `${prefix}*${id}`)) as unknown[];
      return channels.length === 0;
    });
  });

  it('leaves a result of more than 64 KiB in UTF-8 out, and expires', async () => {
    const id = newId();
    await writer.write([update(id, 'succeeded', 1, 100, 0, { result: 'é'.repeat(40_000) })]);
    expect(await reader.read(id)).toEqual({
      id,
      name: 'test',
      state: 'succeeded',
      attempt: 1,
      progress: 100,
      atMs: 1,
    });
    const client = clients.redis();
    const [key] = await client.keys(`${prefix}*${id}`);
    expect(await client.pttl(key as string)).toBeGreaterThan(23 * 3600_000);
  });

  it('goes by slots in a cluster, and where a cluster hides behind one address', async () => {
    const args = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'];
    await using server = await startRedis({ args });
    const redis = new Redis(server.url);
    await redis.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
    await until('a cluster', async () =>
      String(await redis.call('CLUSTER', 'INFO')).includes('cluster_state:ok'),
    );
    const cluster = new Cluster([{ host: '127.0.0.1', port: server.port }]);
    for (const client of [redis, cluster]) {
      const store = redisStatus(client, { prefix: uniqueName('slots') });
      const updates = Array.from({ length: 600 }, () => update(newId(), 'queued', 0));
      await store.write(updates);
      await store.write(updates.map(({ status }) => update(status.id, 'active')));
      for (const { status } of [...updates.slice(0, 10), ...updates.slice(-10)]) {
        expect(await store.read(status.id)).toMatchObject({ id: status.id, state: 'active' });
      }
      await store.close();
    }
    redis.disconnect();
    cluster.disconnect();
  });

  it('goes on after Redis was restarted, without a gap at the end', async () => {
    await using server = await startRedis();
    const redis = new Redis(server.url, { retryStrategy: () => 50 });
    redis.on('error', () => {});
    const store = redisStatus(redis);
    const id = newId();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { state } of store.watch(id)) seen.push(state);
    })();
    await store.write([update(id, 'active')]);
    await until('the first', () => seen.length === 1);
    await server.restart();
    await store.write([update(id, 'succeeded', 1, 100)]);
    await watching;
    expect(seen).toEqual(['active', 'succeeded']);
    await store.close();
    redis.disconnect();
  });
});
