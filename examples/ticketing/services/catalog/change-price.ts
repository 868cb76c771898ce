import type { Pool } from 'pg';
import { audit } from '../audit.ts';
import { transaction } from '../database.ts';
import { ProblemError } from '../problem.ts';

export type PriceChange = { slug: string; sku: string; priceCents: number; actor: string };

/** Orders that are placed from now on pay the new price. @throws ProblemError `not_found` */
export function changePrice(database: Pool, change: PriceChange): Promise<void> {
  return transaction(database, async (tx) => {
    const { slug, sku, priceCents, actor } = change;
    const { rows } = await tx.query<{ from: number }>(
      `with old as (select price_cents from categories where event = $1 and sku = $2 for update)
       update categories set price_cents = $3 from old where event = $1 and sku = $2
       returning old.price_cents as "from"`,
      [slug, sku, priceCents],
    );
    const [old] = rows;
    if (!old) throw new ProblemError('not_found', 'There is no such category.');
    const details = { from: old.from, to: priceCents };
    await audit(tx, { actor, action: 'price.change', subject: `${slug}/${sku}`, details });
  });
}
