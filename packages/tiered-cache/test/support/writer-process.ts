/** Changes a key of its own without end, each way in turn, until it is killed. */
import { Redis } from 'ioredis';
import { TieredCache } from '../../src/index.ts';

const [url = '', namespace = '', name = ''] = process.argv.slice(2);
const cache = new TieredCache({ namespace, redis: new Redis(url) });
await cache.invalidate(`${name}:0`);
process.send?.('writing');
for (let n = 0; ; n++) {
  const key = `${name}:${n % 20}`;
  if (n % 3 === 0) await cache.invalidate(key);
  else if (n % 3 === 1) await cache.set(key, n);
  else await cache.writeThrough(key, () => n);
}
