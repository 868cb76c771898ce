import type { Item } from '../src/index.ts';

export type Limits = {
  ttlMs: number;
  graceMs: number;
  maxHoldMs: number;
  limitPerHolder: number;
  offerMs: number;
};

type State =
  | 'queued'
  | 'pending'
  | 'confirmed'
  | 'released'
  | 'expired'
  | 'returned'
  | 'void'
  | 'tombstone';
type Record = {
  state: State;
  holder: string;
  /** What was asked for, flags included. */
  asked: string;
  items: readonly Item[];
  createdAt: number;
  expiresAt: number;
  partial: boolean;
};
export type Flags = { partial?: boolean; queue?: boolean };

const unitsOf = (item: Item) => ('seats' in item ? item.seats.length : item.quantity);
const total = (items: readonly Item[]) => items.reduce((sum, item) => sum + unitsOf(item), 0);
const askOf = (items: readonly Item[], partial: boolean) => `${JSON.stringify(items)} ${partial}`;

/**
 * What a pool must answer, written as plainly as possible: everything is recounted from the holds at
 * every question, there is no counter that could drift. Which seats are the best is the pool's to
 * say; `resolve` checks that it may.
 */
export class ModelPool {
  readonly #stock: { [sku: string]: number };
  readonly #limits: Limits;
  readonly #records = new Map<string, Record>();
  readonly #taken = new Set<string>();
  now: number;

  constructor(stock: { [sku: string]: number }, limits: Limits, now: number) {
    this.#stock = stock;
    this.#limits = limits;
    this.now = now;
  }

  hold(id: string, holder: string, items: readonly Item[], flags: Flags = {}): string {
    this.expire();
    const { partial = false, queue = false } = flags;
    const known = this.#records.get(id);
    if (known) {
      if (known.state === 'tombstone') return 'released:released';
      if (known.holder !== holder || known.asked !== askOf(items, partial)) return 'conflict';
      if (known.state === 'pending' || known.state === 'confirmed') return 'held:replayed';
      if (known.state === 'queued') return `queued:${this.#position(id)}`;
      return `released:${known.state}`;
    }
    const chosen = this.#choose(holder, items, partial, []);
    const common = { holder, asked: askOf(items, partial), createdAt: this.now, partial };
    if (typeof chosen !== 'string') {
      const expiresAt = this.now + this.#limits.ttlMs;
      this.#records.set(id, { ...common, state: 'pending', items: chosen, expiresAt });
      return 'held:granted';
    }
    const mayWait = items.every(
      (item) => !('seats' in item) && item.quantity <= (this.#stock[item.sku] ?? 0),
    );
    if (!queue || !chosen.startsWith('sold_out') || !mayWait) return chosen;
    this.#records.set(id, { ...common, state: 'queued', items, expiresAt: 0 });
    return `queued:${this.#position(id)}`;
  }

  /** The seats that the pool chose for this hold. @throws Error when it may not have them */
  resolve(id: string, items: readonly Item[]): void {
    const record = this.#records.get(id) as Record;
    const own = new Set(record.items.flatMap((item) => ('seats' in item ? item.seats : [])));
    for (const item of items) {
      if (!('seats' in item)) continue;
      const taken = this.seats(item.sku);
      for (const seat of item.seats)
        if (taken.has(seat) && !own.has(seat)) throw new Error(`${seat} is taken`);
    }
    if (total(items) !== total(record.items)) throw new Error(`${total(items)} units`);
    record.items = items;
  }

  replace(id: string, items: readonly Item[]): string {
    this.expire();
    const known = this.#records.get(id);
    if (known === undefined) return 'expired';
    if (known.state !== 'pending') return known.state === 'tombstone' ? 'released' : known.state;
    if (known.asked === askOf(items, false)) return 'held:replayed';
    const before = this.#free();
    this.#records.delete(id); // as if it had never been, to see what is possible then
    const chosen = this.#choose(known.holder, items, false, known.items);
    this.#records.set(id, known);
    if (typeof chosen === 'string')
      return chosen.startsWith('limit') ? `limit:${this.units(known.holder)}` : chosen;
    known.items = chosen;
    known.asked = askOf(items, false);
    this.#promote(before);
    return 'held:granted';
  }

  extend(id: string, forMs: number): string {
    this.expire();
    const known = this.#records.get(id);
    if (known === undefined) return 'expired';
    if (known.state !== 'pending') return known.state === 'tombstone' ? 'released' : known.state;
    const longest = known.createdAt + this.#limits.maxHoldMs;
    known.expiresAt = Math.max(known.expiresAt, Math.min(this.now + forMs, longest));
    return `held:${known.expiresAt}`;
  }

  release(id: string): string {
    this.expire();
    const known = this.#records.get(id);
    if (known === undefined) {
      const nothing = { holder: '', items: [], asked: '', createdAt: 0, expiresAt: 0 };
      this.#records.set(id, { state: 'tombstone', partial: false, ...nothing });
      return 'released';
    }
    const { state } = known;
    if (state === 'confirmed') return 'sold';
    if (state === 'expired') return 'expired';
    if (state !== 'pending' && state !== 'queued') return 'released';
    const before = this.#free();
    known.state = 'released';
    this.#promote(before, state === 'queued' ? known.items : []);
    return 'released';
  }

  commit(id: string): string {
    this.expire();
    const known = this.#records.get(id);
    if (this.#taken.has(id) && known?.state !== 'confirmed') {
      const before = this.#free();
      if (known?.state === 'pending') known.state = 'void';
      this.#promote(before);
      return 'returned';
    }
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

  takeBack(id: string): string {
    this.expire();
    const known = this.#records.get(id);
    if (this.#taken.has(id)) return 'already_returned';
    if (known?.state !== 'confirmed') return 'not_sold';
    const before = this.#free();
    known.state = 'returned';
    this.#taken.add(id);
    this.#promote(before);
    return 'returned';
  }

  setTotal(sku: string, total: number): string {
    this.expire();
    const { held, sold } = this.count(sku);
    if (total < held + sold) return `too_low:${held + sold}`;
    const before = this.#free();
    this.#stock[sku] = total;
    // who waits is looked at also where there is less now: a partial wish may fit under its holder's limit only then
    this.#promote(before, [{ sku, quantity: 1 }]);
    return 'changed';
  }

  /** The pending holds as `id expiresAt`, sorted. */
  open(): string[] {
    this.expire();
    return [...this.#records]
      .filter(([id, { state }]) => this.#isOpen(id, state))
      .map(([id, { expiresAt }]) => `${id} ${expiresAt}`)
      .sort();
  }

  /** The board is emptied: what is held and sold comes back, waiters and what has ended are forgotten. */
  lose(): void {
    this.expire();
    for (const [id, { state }] of this.#records) {
      if (state !== 'confirmed' && !this.#isOpen(id, state)) this.#records.delete(id);
    }
  }

  /** An id is good for one hold: what is held under the id of one that was returned cannot be sold, and nothing keeps it. */
  #isOpen(id: string, state: State): boolean {
    return state === 'pending' && !this.#taken.has(id);
  }

  waiting(sku: string): number {
    return this.#waiters().filter(([, { items }]) => items.some((item) => item.sku === sku)).length;
  }

  count(sku: string): { total: number; free: number; held: number; sold: number } {
    const of = (state: State) =>
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

  expire(): void {
    const before = this.#free();
    for (const record of this.#records.values()) {
      if (record.state === 'pending' && record.expiresAt + this.#limits.graceMs <= this.now)
        record.state = 'expired';
    }
    this.#promote(before);
  }

  /** What he gets, or why not. `own` are items that are given back for it. */
  #choose(
    holder: string,
    items: readonly Item[],
    partial: boolean,
    own: readonly Item[],
    first = false,
  ): readonly Item[] | string {
    const out: Item[] = [];
    let refused = '';
    for (const item of items) {
      let why = '';
      let chosen = item;
      const { free } = this.count(item.sku);
      if ('seats' in item) {
        const taken = item.seats.filter((seat) => this.seats(item.sku).has(seat));
        if (taken.length > 0) why = `seat_taken:${taken.join()}`;
        chosen = { sku: item.sku, seats: item.seats.filter((seat) => !taken.includes(seat)) };
      } else {
        const had = own
          .filter(({ sku }) => sku === item.sku)
          .reduce((sum, o) => sum + unitsOf(o), 0);
        const behind = !first && item.quantity > had && this.waiting(item.sku) > 0;
        const most = behind ? 0 : free;
        if (most < item.quantity) why = `sold_out:${item.sku}`;
        chosen = { ...item, quantity: Math.min(item.quantity, most) };
      }
      if (why !== '' && !partial) return why;
      refused ||= why;
      if (unitsOf(chosen) > 0) out.push(chosen);
    }
    if (out.length === 0) return refused;
    const has = this.units(holder);
    return has + total(out) > this.#limits.limitPerHolder ? `limit:${has}` : out;
  }

  #waiters(): [string, Record][] {
    return [...this.#records].filter(([, { state }]) => state === 'queued');
  }

  #position(id: string): number {
    return this.#waiters().findIndex(([waiter]) => waiter === id) + 1;
  }

  #free(): Map<string, number> {
    return new Map(Object.keys(this.#stock).map((sku) => [sku, this.count(sku).free]));
  }

  /** Units were given back since `before`, or these waiters' wishes are gone: in order, who can be served is. */
  #promote(before: Map<string, number>, left: readonly Item[] = []): void {
    const after = this.#free();
    const open = new Set(
      [...after.keys()].filter(
        (sku) =>
          (after.get(sku) ?? 0) > 0 &&
          ((after.get(sku) ?? 0) > (before.get(sku) ?? 0) || left.some((item) => item.sku === sku)),
      ),
    );
    const blocked = new Set<string>();
    for (const [, record] of this.#waiters()) {
      const { holder, items, partial } = record;
      if (!items.some(({ sku }) => open.has(sku) && !blocked.has(sku) && this.count(sku).free > 0))
        continue;
      const heldBack = items.some(({ sku }) => blocked.has(sku));
      const chosen = heldBack ? 'sold_out' : this.#choose(holder, items, partial, [], true);
      if (typeof chosen === 'string') {
        if (!chosen.startsWith('sold_out')) continue;
        for (const item of items)
          if (heldBack || unitsOf(item) <= (this.#stock[item.sku] ?? 0)) blocked.add(item.sku);
      } else {
        record.state = 'pending';
        record.items = chosen;
        record.createdAt = this.now;
        record.expiresAt = this.now + this.#limits.offerMs;
      }
    }
  }
}
