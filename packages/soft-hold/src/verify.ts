import { unpackLines } from './items.ts';
import { listOf } from './redis.ts';
import type { Catalogue } from './stock.ts';
import type { Ledger } from './store.ts';
import type { AvailabilitySnapshot, Difference, SeatState } from './types.ts';

/** What the pool script's `dump` answers: pairs in flat lists. */
export type Dump = { counts: unknown; owners: unknown; users: unknown; open: unknown };

/** The result of `dump`, named. */
export function readDump([counts, owners, users, open]: unknown[]): Dump {
  return { counts, owners, users, open };
}

export function* pairs(flat: unknown): Generator<[string, string]> {
  const list = listOf<string>(flat);
  for (let i = 0; i + 1 < list.length; i += 2) yield [list[i] as string, list[i + 1] as string];
}

/** The packed counts of one SKU, `free held sold total`. */
function readCounts(packed: string) {
  const [free = 0, held = 0, sold = 0, total = 0] = packed.split(' ').map(Number);
  return { total, free, held, sold };
}

/** The snapshot out of `look`; with a catalogue also the state of each of its seats. */
export function snapshotOf(
  { seq, now, result }: { seq: number; now: number; result: unknown[] },
  catalogue: Catalogue | null,
): AvailabilitySnapshot {
  const owners = new Map(pairs(result[1]));
  const waiting = new Map(pairs(result[2]));
  const skus: AvailabilitySnapshot['skus'] = {};
  for (const [sku, packed] of pairs(result[0])) {
    const count: AvailabilitySnapshot['skus'][string] = {
      ...readCounts(packed),
      waiting: Number(waiting.get(sku) ?? 0),
    };
    const names = catalogue?.seatsOf(sku);
    if (names) {
      const seats: Record<string, SeatState> = {};
      for (const name of names) {
        const owner = owners.get(`${sku}/${name}`);
        seats[name] = owner === undefined ? 'free' : owner.startsWith('h') ? 'held' : 'sold';
      }
      count.seats = seats;
    }
    skus[sku] = count;
  }
  return { seq, serverNow: now, skus };
}

class Tally extends Map<string, number> {
  add(key: string, units: number): void {
    this.set(key, (this.get(key) ?? 0) + units);
  }
}

/**
 * Compares Redis with itself and with PostgreSQL, each read at one moment. A hold that is decided in
 * PostgreSQL and not yet finished in Redis is no difference: both count it, Redis as held.
 *
 * Cost: O(open holds + holds sold).
 */
export function compare(dump: Dump, ledger: Ledger): Difference[] {
  const differences: Difference[] = [];
  const check = (
    what: string,
    sku: string | null,
    found: number | string | null,
    expected: number | string | null,
  ) => {
    if (found !== expected) differences.push({ what, sku, found, expected });
  };

  const held = new Tally();
  const inFlight = new Tally();
  const users = new Tally();
  const owners = new Map<string, string>();
  const decided = new Map(ledger.sold.map((row) => [row.id, row]));
  const seatsOf = (id: string, items: string, state: string) => {
    for (const { sku, seats } of unpackLines(items))
      for (const seat of seats) owners.set(`${sku}/${seat}`, `${state}${id}`);
  };
  const unfinished = new Set<string>();
  for (const [id, text] of pairs(dump.open)) {
    const [, , , , holder = '', items = ''] = text.split(' ');
    if (decided.has(id)) unfinished.add(id);
    seatsOf(id, items, 'h');
    for (const { sku, quantity } of unpackLines(items)) {
      held.add(sku, quantity);
      users.add(holder, quantity);
      if (decided.has(id)) inFlight.add(sku, quantity);
    }
  }
  const sold = new Tally();
  for (const { id, holder, items } of ledger.sold) {
    for (const { sku, quantity } of unpackLines(items)) {
      sold.add(sku, quantity);
      if (!unfinished.has(id)) users.add(holder, quantity);
    }
    if (!unfinished.has(id)) seatsOf(id, items, 's');
  }

  const counts = new Map([...pairs(dump.counts)].map(([sku, text]) => [sku, readCounts(text)]));
  for (const { sku, total, sold: soldUnits, seatsSold, seats } of ledger.skus) {
    const count = counts.get(sku);
    check(`total of ${sku}`, sku, count?.total ?? null, total);
    check(`sold of ${sku}`, sku, (count?.sold ?? 0) + (inFlight.get(sku) ?? 0), soldUnits);
    check(`decision rows of ${sku}`, sku, sold.get(sku) ?? 0, soldUnits);
    if (seats !== null) check(`seat rows of ${sku}`, sku, seatsSold, soldUnits);
    if (count === undefined) continue;
    check(`held of ${sku}`, sku, count.held, held.get(sku) ?? 0);
    check(`free + held + sold of ${sku}`, sku, count.free + count.held + count.sold, count.total);
    if (count.free < 0) check(`free of ${sku}`, sku, count.free, 0);
  }
  const inRedis = new Map(pairs(dump.owners));
  for (const seat of new Set([...inRedis.keys(), ...owners.keys()]))
    check(
      `owner of ${seat}`,
      seat.split('/')[0] ?? null,
      inRedis.get(seat) ?? null,
      owners.get(seat) ?? null,
    );
  const units = new Map(pairs(dump.users));
  for (const holder of new Set([...units.keys(), ...users.keys()]))
    check(`units of ${holder}`, null, Number(units.get(holder) ?? 0), users.get(holder) ?? 0);
  return differences;
}
