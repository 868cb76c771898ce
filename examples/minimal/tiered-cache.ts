// A price is cached by two processes of a shop; when it changes, both know, and the database was asked twice in all.
import { TieredCache } from '@evenkeel/tiered-cache';
import { Redis } from 'ioredis';

const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';
const clients = [new Redis(url), new Redis(url)] as const;
const namespace = `minimal-${process.pid}`;
// here in one process: as far as the caches know, they are strangers that share a Redis
const usa = new TieredCache({ namespace, redis: clients[0] });
const uk = new TieredCache({ namespace, redis: clients[1] });

let cents = 4_900;
let queries = 0;
const load = async () => {
  queries++;
  return { cents };
};
const shown = (prices: { cents: number }[]) => prices.map((price) => price.cents).join(', ');

const callers = [usa, uk].flatMap((cache) => Array.from({ length: 100 }, () => cache));
const prices = await Promise.all(callers.map((cache) => cache.get('price:GA', load)));
console.log(`${prices.length} callers see ${shown(prices.slice(0, 1))}, queries: ${queries}`);

cents = 5_900;
const { id = '' } = await usa.invalidate('price:GA');
const after = { after: id }; // whoever is told of the change sees it, however far a replica lags
const seen = [await usa.get('price:GA', load), await uk.get('price:GA', load, after)];
console.log(`after the change both see ${shown(seen)}, queries: ${queries}`);

await Promise.all([usa.close(), uk.close()]);
for (const client of clients) client.disconnect();
