import { unpackLines } from '../items.ts';
import type { PoolState } from './pool-state.ts';
import type { Rules } from './rules.ts';

/** What a holder can have of what he asks, or the answer that refuses him. */
export type Choice = { items: string } | { refused: unknown[] };

/** Units that a replace has just given back. */
export type Own = { units: number; bySku: ReadonlyMap<string, number> };

/**
 * The items with seats named, or why not; script/stock.ts is the same in Lua.
 *
 * @param first nobody who waits comes before
 */
export function choose(
  state: PoolState,
  rules: Rules,
  holder: string,
  items: string,
  options: { partial?: boolean; own?: Own; first?: boolean },
): Choice {
  const { partial = false, own, first = false } = options;
  const out: string[] = [];
  let units = 0;
  let refused: unknown[] | null = null;
  for (const line of unpackLines(items)) {
    const { sku, seats } = line;
    const count = state.counts.get(sku);
    if (count === undefined) return { refused: ['unknown', sku] };
    let wanted = line.quantity;
    let names: string[] | null = null;
    let why: unknown[] | null = null;
    if (seats.length > 0) {
      names = seats.filter((seat) => !state.owners.has(`${sku}/${seat}`));
      if (names.length < seats.length) {
        why = ['seat_taken', sku, seats.filter((seat) => state.owners.has(`${sku}/${seat}`))];
        wanted = names.length;
      }
    }
    const behind =
      seats.length === 0 &&
      !first &&
      wanted > (own?.bySku.get(sku) ?? 0) &&
      state.waitingFor.has(sku);
    const free = behind ? 0 : count.free;
    if (free < wanted) {
      why ??= ['sold_out', sku, free, nextExpiry(state, rules)];
      wanted = free;
    }
    if (line.best && wanted > 0 && (partial || why === null)) {
      names = state.plans.get(sku)?.place(wanted, line.accessible) ?? [];
      if (names.length < wanted) {
        why = ['sold_out', sku, names.length, nextExpiry(state, rules)];
        wanted = names.length;
      }
    }
    if (why !== null && !partial) return { refused: why };
    refused ??= why;
    if (wanted > 0) {
      units += wanted;
      out.push(`${sku}=${wanted}${names === null ? '' : `@${names.join(',')}`}`);
    }
  }
  if (units === 0) return { refused: refused as unknown[] };
  if (rules.limit > 0) {
    const has = state.users.get(holder) ?? 0;
    if (has + units > rules.limit)
      return { refused: ['limit', rules.limit, has + (own?.units ?? 0)] };
  }
  return { items: out.join(';') };
}

function nextExpiry(state: PoolState, rules: Rules): number {
  const first = state.pending.first();
  return first === undefined ? 0 : first.due + rules.grace;
}
