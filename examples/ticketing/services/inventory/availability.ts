/** What is free, held and sold: a snapshot for those who come, numbered changes for those who stay. */
import type { ChangeEvent } from '@evenkeel/soft-hold';
import type { Availability, Count, SeatState, ServerMessage } from '../../contract.ts';
import type { Pools } from './pools.ts';

type Change = Extract<ServerMessage, { type: 'change' }>;
type Listener = (change: Change) => void;

export class AvailabilityFeed {
  readonly #pools: Pools;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #reading = new Map<string, Promise<Availability>>();

  constructor(pools: Pools) {
    this.#pools = pools;
    pools.onOpen((slug, pool) => pool.on('change', (event) => this.#publish(slug, event)));
  }

  /** Callers that ask at the same time share one answer. @throws ProblemError `not_found` */
  snapshot(slug: string): Promise<Availability> {
    let reading = this.#reading.get(slug);
    if (reading === undefined) {
      reading = this.#read(slug).finally(() => this.#reading.delete(slug));
      this.#reading.set(slug, reading);
    }
    return reading;
  }

  /**
   * Calls `listener` with every change from now on; returns the way to stop that.
   * @throws ProblemError `not_found`
   */
  async watch(slug: string, listener: Listener): Promise<() => void> {
    await this.#pools.of(slug);
    const listeners = this.#listeners.get(slug) ?? new Set();
    this.#listeners.set(slug, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  async #read(slug: string): Promise<Availability> {
    const { seq, serverNow, skus } = await (await this.#pools.of(slug)).available({ seats: true });
    const seats: Availability['seats'] = {};
    const counts: Count[] = [];
    for (const [sku, { seats: states, total, free, held, sold }] of Object.entries(skus)) {
      counts.push({ sku, total, free, held, sold });
      for (const [seat, state] of Object.entries(states ?? {})) {
        if (state !== 'free') seats[seat] = state;
      }
    }
    return { event: slug, seq, counts, seats, serverNow: new Date(serverNow).toISOString() };
  }

  #publish(slug: string, { seq, changes }: ChangeEvent): void {
    const seats: Record<string, SeatState> = {};
    const counts: Count[] = [];
    for (const { sku, free, held, sold, seats: changed } of changes) {
      counts.push({ sku, total: free + held + sold, free, held, sold });
      Object.assign(seats, changed);
    }
    const change: Change = { type: 'change', event: slug, seq, counts, seats };
    for (const listener of this.#listeners.get(slug) ?? []) listener(change);
  }
}
