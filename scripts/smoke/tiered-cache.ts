import { TieredCache } from '@evenkeel/tiered-cache';
import { EdgeCache } from '@evenkeel/tiered-cache/edge';
import { registerMetrics } from '@evenkeel/tiered-cache/prometheus';
import { Redis } from 'ioredis';

async function main(): Promise<void> {
  const redis = new Redis(process.env.REDIS_URL ?? '');
  const cache = new TieredCache({ namespace: `smoke-${process.pid}`, redis });
  const registered: unknown[] = [];
  const registry = {
    registerMetric: (metric: unknown) => void registered.push(metric),
    removeSingleMetric: () => {},
  };
  registerMetrics(registry, [cache]);
  if (registered.length === 0) throw new Error('no metrics');
  if ((await cache.get('answer', async () => 42)) !== 42) throw new Error('wrong answer');
  const { status } = await cache.invalidate('answer');
  if (status !== 'done') throw new Error(`not invalidated: ${status}`);
  const purged: string[] = [];
  const purge = async (tags: readonly string[]) => void purged.push(...tags);
  const edge = new EdgeCache({ vendor: 'fastly', purge });
  await edge.purge(['answer']);
  if (!purged.includes('answer')) throw new Error('not purged');
  await edge.close();
  await cache.close();
  redis.disconnect();
}

void main();
