import type { Item } from '../src/index.ts';

export type Limits = {
  ttlMs: number;
  graceMs: number;
  maxHoldMs: number;
  limitPerHolder: number;
};

type Record = {
  state: 'pending' | 'confirmed' | 'released' | 'expired' | 'tombstone';
  holder: string;
  items: readonly Item[];
  createdAt: number;
  expiresAt: number;
};

const unitsOf = (item: Item) => ('seats' in item ? item.seats.length : item.quantity);
const total = (items: readonly Item[]) => items.reduce((sum, item) => sum + unitsOf(item), 0);

/**
 * What a pool must answer, written as plainly as possible: everything is recounted from the holds at
 * every question, there is no counter that could drift.
 */
export class ModelPool {
  readonly #stock: { [sku: string]: number };
  readonly #limits: Limits;
  readonly #records = new Map<string, Record>();
  now: number;

  constructor(stock: { [sku: string]: number }, limits: Limits, now: number) {
    this.#stock = stock;
    this.#limits = limits;
    this.now = now;
  }

  hold(id: string, holder: string, items: readonly Item[]): string {
    this.#expire();
    const known = this.#records.get(id);
    if (known) {
      if (known.state === 'tombstone') return 'released:released';
      if (known.holder !== holder || JSON.stringify(known.items) !== JSON.stringify(items))
        return 'conflict';
      if (known.state === 'pending' || known.state === 'confirmed') return 'held:replayed';
      return `released:${known.state}`;
    }
    const refused = this.#refusal(holder, items);
    if (refused) return refused;
    const expiresAt = this.now + this.#limits.ttlMs;
    this.#records.set(id, { state: 'pending', holder, items, createdAt: this.now, expiresAt });
    return 'held:granted';
  }

  replace(id: string, items: readonly Item[]): string {
    this.#expire();
    const known = this.#records.get(id);
    if (known === undefined) return 'expired';
    if (known.state !== 'pending') return known.state === 'tombstone' ? 'released' : known.state;
    if (JSON.stringify(known.items) === JSON.stringify(items)) return 'held:replayed';
    this.#records.delete(id); // as if it had never been, to see what is possible then
    const refused = this.#refusal(known.holder, items);
    this.#records.set(id, known);
    if (refused?.startsWith('limit')) return `limit:${this.units(known.holder)}`;
    if (refused) return refused;
    known.items = items;
    return 'held:granted';
  }

  extend(id: string, forMs: number): string {
    this.#expire();
    const known = this.#records.get(id);
    if (known === undefined) return 'expired';
    if (known.state !== 'pending') return known.state === 'tombstone' ? 'released' : known.state;
    const longest = known.createdAt + this.#limits.maxHoldMs;
    known.expiresAt = Math.max(known.expiresAt, Math.min(this.now + forMs, longest));
    return `held:${known.expiresAt}`;
  }

  release(id: string): string {
    this.#expire();
    const known = this.#records.get(id);
    if (known === undefined) {
      const nothing = { holder: '', items: [], createdAt: 0, expiresAt: 0 };
      this.#records.set(id, { state: 'tombstone', ...nothing });
      return 'released';
    }
    if (known.state === 'confirmed') return 'sold';
    if (known.state === 'expired') return 'expired';
    if (known.state === 'pending') known.state = 'released';
    return 'released';
  }

  commit(id: string): string {
    this.#expire();
    const known = this.#records.get(id);
    switch (known?.state) {
      case 'pending':
        known.state = 'confirmed';
        return 'sold';
      case 'confirmed':
        return 'already_sold';
      case 'released':
      case 'tombstone':
        return 'void';
      default:
        return 'expired';
    }
  }

  setTotal(sku: string, total: number): string {
    const { held, sold } = this.count(sku);
    if (total < held + sold) return `too_low:${held + sold}`;
    this.#stock[sku] = total;
    return 'changed';
  }

  /** The pending holds as `id expiresAt`, sorted. */
  open(): string[] {
    this.#expire();
    return [...this.#records]
      .filter(([, { state }]) => state === 'pending')
      .map(([id, { expiresAt }]) => `${id} ${expiresAt}`)
      .sort();
  }

  /** Redis is emptied: what is held and sold comes back, what has ended is forgotten. */
  lose(): void {
    this.#expire();
    for (const [id, { state }] of this.#records) {
      if (state !== 'pending' && state !== 'confirmed') this.#records.delete(id);
    }
  }

  count(sku: string): { total: number; free: number; held: number; sold: number } {
    this.#expire();
    const of = (state: string) =>
      [...this.#records.values()]
        .filter((record) => record.state === state)
        .flatMap((record) => record.items)
        .filter((item) => item.sku === sku)
        .reduce((sum, item) => sum + unitsOf(item), 0);
    const [all, held, sold] = [this.#stock[sku] as number, of('pending'), of('confirmed')];
    return { total: all, free: all - held - sold, held, sold };
  }

  /** Seat -> held or sold, of those taken. */
  seats(sku: string): Map<string, 'held' | 'sold'> {
    const taken = new Map<string, 'held' | 'sold'>();
    for (const { state, items } of this.#records.values()) {
      if (state !== 'pending' && state !== 'confirmed') continue;
      for (const item of items) {
        if (item.sku !== sku || !('seats' in item)) continue;
        for (const seat of item.seats) taken.set(seat, state === 'pending' ? 'held' : 'sold');
      }
    }
    return taken;
  }

  units(holder: string): number {
    return [...this.#records.values()]
      .filter((record) => record.holder === holder)
      .filter((record) => record.state === 'pending' || record.state === 'confirmed')
      .reduce((sum, record) => sum + total(record.items), 0);
  }

  #refusal(holder: string, items: readonly Item[]): string | null {
    for (const item of items) {
      if ('seats' in item) {
        const taken = item.seats.filter((seat) => this.seats(item.sku).has(seat));
        if (taken.length > 0) return `seat_taken:${taken.join()}`;
      }
      if (this.count(item.sku).free < unitsOf(item)) return `sold_out:${item.sku}`;
    }
    if (this.units(holder) + total(items) > this.#limits.limitPerHolder)
      return `limit:${this.units(holder)}`;
    return null;
  }

  #expire(): void {
    for (const record of this.#records.values()) {
      if (record.state === 'pending' && record.expiresAt + this.#limits.graceMs <= this.now)
        record.state = 'expired';
    }
  }
}
