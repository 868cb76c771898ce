import { Cluster, Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { startCluster } from './support/cluster.ts';
import { followed, never, Rig, sleep, until } from './support/rig.ts';

test('a command time-out of the cluster client is not that of the connection that follows the log', async () => {
  await using cluster = await startCluster();
  await using rig = new Rig();
  const nodes = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  const client = new Cluster(nodes, { redisOptions: { commandTimeout: 300 } });
  client.on('error', () => {});
  try {
    const a = await followed(rig.cache(client, { masterTimeoutMs: 5_000 }));
    await a.get('k', () => 1);
    const opened = async () => {
      const counts = cluster.nodes.map(async ({ url }) => {
        const info = await rig.client(url).info('stats');
        return Number(/total_connections_received:(\d+)/.exec(info)?.[1]);
      });
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    };
    const before = await opened();
    await sleep(2_500); // five blocking reads, or seven connections that give up
    expect((await opened()) - before).toBeLessThan(10); // three for the question, some for the slots
    await until(() => a.stats().confirmed);
  } finally {
    await rig[Symbol.asyncDispose]();
    client.disconnect();
  }
}, 60_000);

test('on a cluster of three nodes the keys are spread, and changes reach every process', async () => {
  await using cluster = await startCluster();
  await using rig = new Rig();
  const nodes = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  const clusters = [1, 2].map(() => new Cluster(nodes));
  try {
    const [a, b] = (await Promise.all(
      clusters.map((client) => followed(rig.cache(client, { partitions: 16 }))),
    )) as [Awaited<ReturnType<typeof followed>>, Awaited<ReturnType<typeof followed>>];
    const keys = Array.from({ length: 300 }, (_, i) => `k${i}`);
    const values = await a.getMany(keys, (some) => [...some]);
    expect(values).toEqual(keys);
    const held = async (node: { port: number }) => {
      const client = new Redis(node.port);
      const count = await client.dbsize();
      client.disconnect();
      return count;
    };
    for (const node of nodes) await until(async () => (await held(node)) > 30);
    expect(await b.getMany(keys, never)).toEqual(keys);
    const { id = '' } = await a.invalidate('k7');
    expect(await b.get('k7', () => 'new', { after: id })).toBe('new');
    await b.get('tagged', () => 1, { tags: ['t'] });
    const tagged = await a.invalidateTags(['t']);
    expect(await b.get('tagged', () => 2, { after: tagged.id ?? '' })).toBe(2);
    const cleared = await b.clear();
    expect(cleared.id?.split(',')).toHaveLength(16);
    expect(await a.get('k8', () => 'after', { after: cleared.id ?? '' })).toBe('after');
    await a.healthCheck().check(AbortSignal.timeout(2_000));
    const { gets, hits, joined, flights } = a.stats();
    expect(gets).toBe(hits + joined + flights);
  } finally {
    await rig[Symbol.asyncDispose]();
    for (const client of clusters) client.disconnect();
  }
}, 60_000);
