/**
 * A process of its own with one cache: when told `go`, asks N times for a key whose load takes 100 ms,
 * and tells how often it loaded. `crash` makes it load for ever, for the test to kill it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { TieredCache } from '../../src/index.ts';

const [url = '', namespace = '', key = '', callers = '1', what = 'load'] = process.argv.slice(2);
const client = new Redis(url);
const cache = new TieredCache({ namespace, redis: client, leaseMs: 1_000 });
await cache.get('first', () => undefined);
process.send?.('ready');
await new Promise((resolve) => process.once('message', resolve));
let loads = 0;
const load = async () => {
  loads++;
  process.send?.('loading');
  await sleep(what === 'crash' ? 1_000_000 : 100);
  return `loaded by ${process.pid}`;
};
const values = await Promise.all(
  Array.from({ length: Number(callers) }, () => cache.get(key, load)),
);
process.send?.({ loads, values: [...new Set(values)] });
await cache.close();
client.disconnect();
process.disconnect?.();
