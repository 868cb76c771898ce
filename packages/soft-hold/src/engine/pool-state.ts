import { unitsOf, unpackLines } from '../items.ts';
import { SeatPlan } from '../seat-plan.ts';
import type { StockLine } from '../stock.ts';
import { DueQueue } from './due-queue.ts';

/** The letters of script/pool-script.ts. */
export type StateLetter = 'q' | 'p' | 'c' | 's' | 'd' | 'b' | 'r' | 'e' | 'v' | 't';

/** A hold as a board keeps it. Never changed, only replaced: what it counted can be taken back. */
export type HoldRow = {
  readonly id: string;
  readonly s: StateLetter;
  readonly token: string;
  readonly created: number;
  readonly expires: number;
  readonly holder: string;
  readonly items: string;
  /** What was asked for, where that differs from the items; else ''. */
  readonly want: string;
  /** When it expires, must be committed, is forgotten; of a waiter its number. */
  readonly due: number;
};

export type Count = { free: number; held: number; sold: number; total: number };

/** Where the units of a hold in this state are counted. */
export function countedAs(s: StateLetter | undefined): 'held' | 'sold' | null {
  if (s === 'p' || s === 'c') return 'held';
  return s === 's' || s === 'd' ? 'sold' : null;
}

/**
 * All that a board knows of one pool. Counts, owners, units per holder and the seat plans follow from
 * the rows.
 */
export class PoolState {
  readonly counts = new Map<string, Count>();
  readonly rows = new Map<string, HoldRow>();
  readonly users = new Map<string, number>();
  /** `SKU/seat` -> h or s and the hold id. */
  readonly owners = new Map<string, string>();
  readonly plans = new Map<string, SeatPlan>();
  /** SKU -> how many wait for it. */
  readonly waitingFor = new Map<string, number>();
  readonly waiters = new Map<string, HoldRow>();
  readonly pending = new DueQueue();
  readonly pinned = new DueQueue();
  readonly ended = new DueQueue();
  /** What changed since it was last cleared; null for what is forgotten. */
  readonly changes = new Map<string, HoldRow | null>();
  readonly dirty = new Set<string>();
  readonly freed = new Set<string>();
  epoch = 0;
  seq = 0;
  n = 0;
  now = 0;
  paused = false;

  constructor(stock: readonly StockLine[]) {
    for (const { sku, total, map } of stock) {
      this.counts.set(sku, { free: total, held: 0, sold: 0, total });
      if (map !== null) this.plans.set(sku, new SeatPlan(map));
    }
  }

  put(row: HoldRow): void {
    const old = this.rows.get(row.id);
    const counts = old === undefined ? [] : this.#countsOf(old);
    const before = counts.map(([, { free }]) => free);
    if (old !== undefined) this.#book(old, -1);
    this.#book(row, 1);
    counts.forEach(([sku, { free }], i) => {
      if (free > (before[i] as number)) this.freed.add(sku);
    });
    this.rows.set(row.id, row);
    this.changes.set(row.id, row);
  }

  /** Rows as they are at a later moment, in whatever order: a seat may have gone from one of these holds to another. */
  putAll(rows: readonly HoldRow[]): void {
    for (const { id } of rows) this.forget(id);
    for (const row of rows) this.put(row);
  }

  forget(id: string): void {
    const old = this.rows.get(id);
    if (old === undefined) return;
    this.#book(old, -1);
    this.rows.delete(id);
    this.changes.set(id, null);
  }

  setTotal(sku: string, total: number): void {
    const count = this.counts.get(sku) as Count;
    count.free += total - count.total;
    count.total = total;
    this.dirty.add(sku);
    this.freed.add(sku);
  }

  /** 1 for the first of those who wait. */
  position(id: string): number {
    const due = this.waiters.get(id)?.due ?? 0;
    let before = 0;
    for (const row of this.waiters.values()) if (row.due < due) before++;
    return before + 1;
  }

  #countsOf({ s, items }: HoldRow): [string, Count][] {
    if (countedAs(s) === null) return [];
    return unpackLines(items).map(({ sku }) => [sku, this.counts.get(sku) as Count]);
  }

  #book(row: HoldRow, sign: 1 | -1): void {
    const { id, s, due, holder, items } = row;
    const queue = s === 'p' ? this.pending : s === 'c' || s === 'd' ? this.pinned : this.ended;
    if (s === 'q') this.#wait(row, sign);
    else if (sign === 1) queue.set(id, due);
    else queue.delete(id);
    const counted = countedAs(s);
    if (counted === null) return;
    for (const { sku, quantity, seats } of unpackLines(items)) {
      const count = this.counts.get(sku) as Count;
      count[counted] += sign * quantity;
      count.free -= sign * quantity;
      this.dirty.add(sku);
      for (const seat of seats) {
        const key = `${sku}/${seat}`;
        if (sign === 1) this.owners.set(key, `${counted === 'held' ? 'h' : 's'}${id}`);
        else this.owners.delete(key);
      }
      if (seats.length > 0) this.plans.get(sku)?.paint(seats, sign === -1);
    }
    const units = (this.users.get(holder) ?? 0) + sign * unitsOf(items);
    if (units > 0) this.users.set(holder, units);
    else this.users.delete(holder);
  }

  #wait(row: HoldRow, sign: 1 | -1): void {
    if (sign === 1) this.waiters.set(row.id, row);
    else this.waiters.delete(row.id);
    for (const { sku } of unpackLines(row.items)) {
      const waiting = (this.waitingFor.get(sku) ?? 0) + sign;
      if (waiting > 0) this.waitingFor.set(sku, waiting);
      else this.waitingFor.delete(sku);
      if (sign === -1) this.freed.add(sku);
    }
  }
}
