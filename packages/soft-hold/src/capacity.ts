import type { CommitContext } from './commit.ts';
import { HoldUnavailableError } from './errors.ts';
import type { TotalResult } from './types.ts';

const ATTEMPTS = 5;

/**
 * Changes the stock of a counted SKU in Redis and PostgreSQL, under the pool's lock. Redis never has
 * more than PostgreSQL on the way: what is taken away goes from Redis first, what is added is in
 * PostgreSQL first, and reaches Redis in a second round. Whoever dies in between has undersold until
 * the call is made again, never oversold.
 */
export async function changeTotal(
  { pool, store, link }: CommitContext,
  sku: string,
  total: number,
): Promise<TotalResult> {
  if (link.where.board === 'store') {
    const { result } = await link.request(['total', sku, total]); // board and store in one transaction
    if (result[0] === 'too_low') return { status: 'too_low', least: Number(result[1]) };
    return { status: 'changed', total };
  }
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const step = await store.locked(pool, async (locked) => {
      const now = locked.stock.find((line) => line.sku === sku)?.total ?? 0;
      if (now < total) {
        await locked.setTotal(sku, total);
        return ['added'];
      }
      // not by a request: recovering from lost data needs the lock that is held here
      const believed = { ...link.belief, epoch: locked.epoch };
      const result = await link.probe(believed, ['total', sku, total]);
      if (result?.[0] === 'ok' && now > total) await locked.setTotal(sku, total);
      return result ?? ['lost'];
    });
    if (step[0] === 'ok') return { status: 'changed', total };
    if (step[0] === 'too_low') return { status: 'too_low', least: Number(step[1]) };
    if (step[0] === 'lost') await link.recover();
  }
  throw new HoldUnavailableError('redis', `The stock of ${sku} could not be changed`);
}
