/** A hold is taken here: two minutes for the buyer to pay, and nobody else gets these seats. */
import type { Hold, Item } from '@evenkeel/soft-hold';
import type { HeldSeats, HoldRequest } from '../../contract.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { type CatalogEvent, categoryOf, priceOf } from '../catalog/event-page.ts';
import { ProblemError } from '../problem.ts';
import type { RedisPulse } from '../redis-pulse.ts';
import type { FoundHold, Pools } from './pools.ts';

export type KeptHold = { hold: Hold; event: string; seats: string[] };

export class Holds {
  readonly #pools: Pools;
  readonly #catalog: Catalog;
  readonly #ttlMs: number;
  readonly #pulse: RedisPulse;

  constructor(options: { pools: Pools; catalog: Catalog; ttlMs: number; pulse: RedisPulse }) {
    this.#pools = options.pools;
    this.#catalog = options.catalog;
    this.#ttlMs = options.ttlMs;
    this.#pulse = options.pulse;
  }

  /** @throws ProblemError `seat_taken`, `limit_reached`, `conflict`, `hold_expired`, ... */
  async hold({ id, event: slug, seats }: HoldRequest, userId: string): Promise<HeldSeats> {
    const event = await this.#catalog.event(slug);
    const items = itemsOf(event, seats);
    const pool = await this.#pools.of(slug);
    const result = await this.#pulse.guard(() => pool.hold({ id, holder: userId, items }));
    switch (result.status) {
      case 'held':
        return this.#describe(event, result.hold);
      case 'seat_taken':
      case 'sold_out': {
        const taken = result.status === 'seat_taken' ? result.seats.join(', ') : 'One of the seats';
        throw new ProblemError('seat_taken', `${taken} was just taken. Please choose again.`);
      }
      case 'limit': {
        const { limit, current } = result;
        const message = `You can have ${limit} seats of this event, and have ${current} already.`;
        throw new ProblemError('limit_reached', message);
      }
      case 'conflict':
        throw new ProblemError('conflict', 'This hold id was used for other seats.');
      // nobody of ours asks to be put on the list of those who wait for seats
      case 'queued':
      case 'closed':
        throw new ProblemError('unavailable', 'The sale is paused.', { retryAfterMs: 5_000 });
      case 'released':
        throw new ProblemError('hold_expired', 'This hold has ended. Please choose again.');
    }
  }

  /** @throws ProblemError `not_found` for a hold that has ended or is somebody else's */
  async read(id: string, userId: string): Promise<HeldSeats> {
    const { event, hold } = await this.#own(id, userId);
    return this.#describe(await this.#catalog.event(event), hold);
  }

  /**
   * More time, once: a hold lives for twice its time, give or take the way to Redis. Whoever asks
   * again is given the same; two at a time differ by milliseconds.
   * @throws ProblemError `not_found`, `hold_expired`, `conflict` when it is being paid
   */
  async extend(id: string, userId: string): Promise<HeldSeats> {
    const { event, hold } = await this.#own(id, userId);
    const page = await this.#catalog.event(event);
    const { createdAt, expiresAt, serverNow } = hold;
    if (expiresAt - createdAt > this.#ttlMs) return this.#describe(page, hold);
    const pool = await this.#pools.of(event);
    const forMs = Math.max(1, createdAt + 2 * this.#ttlMs - serverNow);
    const extended = await this.#pulse.guard(() => pool.extend(hold, { forMs }));
    if (extended.status === 'held') return this.#describe(page, extended.hold);
    if (extended.status === 'committing' || extended.status === 'confirmed') {
      throw new ProblemError('conflict', 'These seats are paid for already.');
    }
    throw expired();
  }

  async release(id: string, userId: string): Promise<void> {
    const { event, hold } = await this.#own(id, userId);
    await (await this.#pools.of(event)).release(hold);
  }

  /**
   * The buyer pays: from now on the hold has its whole time again, for the payment.
   * @throws ProblemError `hold_expired` when it is too late, `conflict` when it is sold already
   */
  async keepForPayment(id: string, userId: string): Promise<KeptHold> {
    const { event, hold } = await this.#own(id, userId, 'hold_expired');
    const pool = await this.#pools.of(event);
    const extended = await this.#pulse.guard(() => pool.extend(hold, { forMs: this.#ttlMs }));
    if (extended.status === 'held') {
      return { hold: extended.hold, event, seats: seatsOf(hold.items) };
    }
    if (extended.status === 'committing' || extended.status === 'confirmed') {
      throw new ProblemError('conflict', 'These seats are paid for already.');
    }
    throw expired();
  }

  async #own(
    id: string,
    userId: string,
    otherwise: 'not_found' | 'hold_expired' = 'not_found',
  ): Promise<FoundHold> {
    const found = await this.#pulse.guard(() => this.#pools.find(id));
    if (found?.hold.holder === userId) return found;
    throw otherwise === 'hold_expired' && !found
      ? expired()
      : new ProblemError('not_found', 'There is no such hold.');
  }

  #describe(event: CatalogEvent, hold: Hold): HeldSeats {
    const seats = seatsOf(hold.items);
    return {
      id: hold.id,
      event: event.slug,
      seats,
      amountCents: priceOf(event, seats),
      currency: event.currency,
      extendable: hold.expiresAt - hold.createdAt <= this.#ttlMs,
      expiresAt: new Date(hold.expiresAt).toISOString(),
      serverNow: new Date(hold.serverNow).toISOString(),
    };
  }
}

const expired = () =>
  new ProblemError('hold_expired', 'The time for these seats is over. Please choose again.');

/** One item a category, because categories are the SKUs. @throws ProblemError for an unknown seat */
function itemsOf(event: CatalogEvent, seats: readonly string[]): Item[] {
  const bySku = new Map<string, string[]>();
  for (const seat of new Set(seats)) {
    const sku = categoryOf(event, seat)?.sku;
    if (!sku) {
      const fields = { seats: `${seat} is not a seat of this hall` };
      throw new ProblemError('invalid_input', `There is no seat ${seat}.`, { fields });
    }
    bySku.set(sku, [...(bySku.get(sku) ?? []), seat]);
  }
  return [...bySku].map(([sku, names]) => ({ sku, seats: names }));
}

const seatsOf = (items: readonly Item[]): string[] =>
  items.flatMap((item) => ('seats' in item ? item.seats : []));
