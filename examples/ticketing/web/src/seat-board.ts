import type { ReadonlySignal, Signal } from '@preact/signals';
import { batch, signal } from '@preact/signals';
import type { Availability, Count, SeatState, ServerMessage } from '../../contract.ts';

export type Change = Extract<ServerMessage, { type: 'change' }>;
/** Which seats may look different now. */
export type ChangeListener = (seats: readonly string[] | 'all') => void;

/**
 * What is free, held and sold, kept true by numbered changes.
 *
 *     snapshot seq 7 -> change 8 -> change 9 -> change 12 : 10 and 11 are missing
 *                                                  |
 *                       12 waits, a new snapshot is fetched, and what it does not cover follows
 *
 * One signal a seat: a change redraws the seats it names and nothing else.
 */
export class SeatBoard {
  readonly #seats = new Map<string, Signal<SeatState>>();
  readonly #counts = signal<Count[]>([]);
  #seq = -1;
  /** The snapshot that everything else stands on. */
  #base = { seq: -1, at: 0 };
  #waiting: Change[] = [];
  readonly #listeners = new Set<ChangeListener>();

  get counts(): ReadonlySignal<Count[]> {
    return this.#counts;
  }

  seat(id: string): ReadonlySignal<SeatState> {
    return this.#seat(id);
  }

  /** For who draws many seats at once and not each by its signal; returns the way to stop. */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Takes a snapshot, then the changes that came while it was on its way; an older one than what is
   * known changes nothing. A number below the last snapshot's is not old but a new count: the store
   * behind it was rebuilt. False when changes are still missing: fetch another.
   */
  load(snapshot: Availability): boolean {
    const at = Date.parse(snapshot.serverNow);
    const isOld = snapshot.seq >= this.#base.seq && snapshot.seq < this.#seq;
    if (isOld || at < this.#base.at) return this.#waiting.length === 0;
    batch(() => {
      this.#base = { seq: snapshot.seq, at };
      this.#seq = snapshot.seq;
      this.#counts.value = snapshot.counts;
      for (const id of Object.keys(snapshot.seats)) this.#seat(id);
      for (const [id, state] of this.#seats) state.value = snapshot.seats[id] ?? 'free';
      const waiting = this.#waiting.sort((a, b) => a.seq - b.seq);
      this.#waiting = [];
      for (const change of waiting) this.apply(change);
    });
    this.#tell('all');
    return this.#waiting.length === 0;
  }

  /**
   * Takes the next change. `'gap'` means that some before it are missing: it is kept, and the caller
   * fetches a snapshot for `load`.
   */
  apply(change: Change): 'applied' | 'old' | 'gap' {
    if (change.seq <= this.#seq) return 'old';
    if (this.#seq === -1 || change.seq !== this.#seq + 1) {
      this.#waiting.push(change);
      return 'gap';
    }
    batch(() => {
      this.#seq = change.seq;
      const changed = new Map(change.counts.map((count) => [count.sku, count]));
      this.#counts.value = this.#counts.value.map((count) => changed.get(count.sku) ?? count);
      for (const [id, state] of Object.entries(change.seats)) this.#seat(id).value = state;
    });
    this.#tell(Object.keys(change.seats));
    return 'applied';
  }

  #tell(seats: readonly string[] | 'all'): void {
    for (const listener of this.#listeners) listener(seats);
  }

  #seat(id: string): Signal<SeatState> {
    let state = this.#seats.get(id);
    if (!state) {
      state = signal<SeatState>('free');
      this.#seats.set(id, state);
    }
    return state;
  }
}
