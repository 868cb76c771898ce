import { TieredCache } from '@evenkeel/tiered-cache';
import { Redis } from 'ioredis';

async function main(): Promise<void> {
  const redis = new Redis(process.env.REDIS_URL ?? '');
  const cache = new TieredCache({ namespace: `smoke-${process.pid}`, redis });
  if ((await cache.get('answer', async () => 42)) !== 42) throw new Error('wrong answer');
  const { status } = await cache.invalidate('answer');
  if (status !== 'done') throw new Error(`not invalidated: ${status}`);
  await cache.close();
  redis.disconnect();
}

void main();
