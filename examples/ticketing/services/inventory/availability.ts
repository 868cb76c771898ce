/** What is free, held and sold: a snapshot for those who come, numbered changes for those who stay. */
import type { ChangeEvent } from '@evenkeel/soft-hold';
import type { Availability, Count, SeatState, ServerMessage } from '../../contract.ts';
import { Broadcasts, type Listener, nothing, type Watcher } from './broadcasts.ts';
import type { Pools } from './pools.ts';

/** a snapshot for those who come is read this rarely, unless something changes */
const snapshotMs = 250;
/** so many changes that are not told yet weigh more than how things stand */
const maxUntold = 64;

type Audience = {
  watchers: Set<Watcher>;
  /** in order; the first one is being told */
  untold: (Buffer | Promise<Buffer>)[];
  snapshot: { message: Promise<Buffer>; at: number } | undefined;
};

export class AvailabilityFeed {
  readonly #pools: Pools;
  readonly #audiences = new Map<string, Audience>();
  readonly #reading = new Map<string, Promise<Availability>>();
  readonly #broadcasts: Broadcasts;

  constructor(pools: Pools, broadcasts = new Broadcasts()) {
    this.#pools = pools;
    this.#broadcasts = broadcasts;
    pools.onOpen((slug, pool) => pool.on('change', (event) => this.#publish(slug, event)));
  }

  /** Callers that ask at the same time share one answer. @throws ProblemError `not_found` */
  snapshot(slug: string): Promise<Availability> {
    let reading = this.#reading.get(slug);
    if (reading === undefined) {
      reading = this.#read(slug).finally(() => {
        if (this.#reading.get(slug) === reading) this.#reading.delete(slug);
      });
      this.#reading.set(slug, reading);
    }
    return reading;
  }

  /**
   * Calls `listener` with how things stand and with every change from now on, as messages that are the same
   * bytes for all; returns the way to stop that.
   * @throws ProblemError `not_found`
   */
  async watch(slug: string, listener: Listener): Promise<() => void> {
    await this.#pools.of(slug);
    let audience = this.#audiences.get(slug);
    if (!audience) {
      audience = { watchers: new Set(), untold: [], snapshot: undefined };
      this.#audiences.set(slug, audience);
    }
    const { watchers } = audience;
    const watcher: Watcher = { listener, heard: nothing, hasLeft: false };
    const leave = () => {
      watcher.hasLeft = true;
      watchers.delete(watcher);
    };
    // listen first, look second: what happens in between comes twice and not never
    watchers.add(watcher);
    try {
      listener(await this.#snapshotFor(slug, audience));
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
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

  /** Thousands come within a second: they get one snapshot, which is good until something changes. */
  #snapshotFor(slug: string, audience: Audience): Promise<Buffer> {
    const now = performance.now();
    if (!audience.snapshot || now - audience.snapshot.at > snapshotMs) {
      const message = this.snapshot(slug).then((availability) =>
        bytes({ type: 'availability', availability }),
      );
      audience.snapshot = { message, at: now };
      message.catch(() => {
        audience.snapshot = undefined;
      });
    }
    return audience.snapshot.message;
  }

  #publish(slug: string, { seq, changes }: ChangeEvent): void {
    // a reading that has begun may not know of this: nobody who comes after it may share it
    this.#reading.delete(slug);
    const audience = this.#audiences.get(slug);
    if (!audience) return;
    audience.snapshot = undefined;
    const seats: Record<string, SeatState> = {};
    const counts: Count[] = [];
    for (const { sku, free, held, sold, seats: changed } of changes) {
      counts.push({ sku, total: free + held + sold, free, held, sold });
      Object.assign(seats, changed);
    }
    const { untold } = audience;
    if (untold.length < maxUntold)
      untold.push(bytes({ type: 'change', event: slug, seq, counts, seats }));
    else untold.splice(1, maxUntold, this.#snapshotFor(slug, audience));
    if (untold.length === 1) void this.#tell(audience);
  }

  async #tell({ watchers, untold }: Audience): Promise<void> {
    for (; untold[0]; untold.shift()) {
      // where it cannot be read, the gap in the numbers tells the browser to ask
      const message = await Promise.resolve(untold[0]).catch(() => undefined);
      if (!message) continue;
      // those who come while it is told find it in what they see first
      await this.#broadcasts.tell(watchers, () => message);
    }
  }
}

const bytes = (message: ServerMessage) => Buffer.from(JSON.stringify(message));
