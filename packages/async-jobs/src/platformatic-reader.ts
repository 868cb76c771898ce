import { type Clock, sleep } from './clock.ts';
import { TransportTimeoutError } from './errors.ts';
import type { PlatformaticAsking, PlatformaticClient } from './platformatic-client.ts';
import { type Fetched, fetchFrom, offsetsOf, type Position } from './platformatic-fetch.ts';
import { type Place, placeOf } from './topic-partition.ts';
import type { AssignedPartition, SubscriptionListener } from './transport.ts';
import { within } from './within.ts';

const MAX_WAIT_MS = 500;
// While a partition waits for room: it is to be read soon after it has some
const SHORT_WAIT_MS = 50;
const ANSWER_WITHIN_MS = 30_000;
const LOOK_UP_WITHIN_MS = 10_000;
const ROOM_AGAIN_MS = 5;
const AGAIN_MS = 250;
const FAILURES = 5;
const READING = 'Reading from Kafka';

/** A partition that is read. */
interface Reading extends Position {
  /** What was read of it does not fit: nothing more is read until it does. */
  isFull: boolean;
}

/** A broker and the partitions that are read from it. */
interface Leader {
  readonly node: number;
  readings: readonly Reading[];
  /** When it was last known to be well, or to have nothing to do. */
  wellAt: number;
}

/** What reading needs. */
export interface ReaderOptions {
  readonly clock: Clock;
  readonly listener: SubscriptionListener;
  /** For questions that are answered at once. */
  readonly asking: PlatformaticAsking;
  /** For fetches, which wait at the broker, and their like. */
  readonly fetching: PlatformaticAsking & Pick<PlatformaticClient, 'drop'>;
  readonly committed: () => Promise<Map<string, AssignedPartition>>;
  /** Whether the assignment still holds. */
  readonly holds: () => boolean;
  readonly signal: AbortSignal;
  /** Told when a broker has answered. */
  readonly alive: () => void;
  /** Told when nothing can be read by these clients. */
  readonly broken: () => void;
}

/**
 * Reads the partitions of one assignment for as long as it holds, every leader on its own: one that
 * is unwell holds up what it leads and nothing else. Every question has a limit in time.
 */
export class PlatformaticReader {
  readonly #options: ReaderOptions;
  readonly #leaders = new Map<number, Leader>();
  /** Leaders none of whose partitions has room. */
  readonly #waiting = new Set<AbortController>();
  #wellAt = Number.NEGATIVE_INFINITY;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Milliseconds since the leader that is longest silent was heard. */
  get silentMs(): number {
    const { holds, clock } = this.#options;
    if (!holds()) return 0;
    return Math.max(0, ...[...this.#leaders.values()].map(({ wellAt }) => clock.now() - wellAt));
  }

  /** Begins to read: at what is committed, else at the first record. */
  async read(places: readonly Place[]): Promise<void> {
    const readings = await this.#insist(() => this.#beginnings(places));
    if (readings) await this.#insist(() => this.#spread(readings));
  }

  /** Asks until it is answered. Other clients may ask another broker: after some tries it is theirs to do. */
  async #insist<T>(ask: () => Promise<T>): Promise<T | undefined> {
    const { clock, holds, listener, signal, broken } = this.#options;
    for (let failures = 1; holds(); failures++) {
      try {
        return await within(clock, LOOK_UP_WITHIN_MS, ask(), READING);
      } catch (error) {
        if (!holds()) break;
        listener.error(error);
        if (failures === FAILURES) {
          broken();
          break;
        }
        await sleep(clock, AGAIN_MS * failures, signal);
      }
    }
    return undefined;
  }

  async #beginnings(places: readonly Place[]): Promise<Reading[]> {
    const { asking } = this.#options;
    const committed = await this.#options.committed();
    const begun = new Map<string, Reading>();
    for (const { topic, partition } of places) {
      const place = placeOf(topic, partition);
      const offset = committed.get(place)?.committed?.offset;
      begun.set(place, { topic, partition, offset: offset ?? -1, isFull: false });
    }
    const unknown = [...begun.values()].filter(({ offset }) => offset < 0);
    for (const topic of new Set(unknown.map((one) => one.topic))) {
      for (const { partition, first } of await offsetsOf(asking, topic)) {
        const reading = begun.get(placeOf(topic, partition));
        if (reading && reading.offset < 0) reading.offset = first;
      }
    }
    for (const reading of unknown) reading.offset = Math.max(0, reading.offset);
    return [...begun.values()];
  }

  /** Finds who leads the partitions now, and has each read from there. */
  async #spread(readings: readonly Reading[]): Promise<void> {
    const { fetching, clock, holds } = this.#options;
    const leads = new Map<string, readonly number[]>();
    for (const topic of new Set(readings.map((one) => one.topic))) {
      leads.set(topic, (await fetching.topic(topic, true)).leaders);
    }
    if (!holds()) return;
    for (const leader of this.#leaders.values()) {
      leader.readings = leader.readings.filter((one) => !readings.includes(one));
    }
    for (const reading of readings) {
      const node = leads.get(reading.topic)?.[reading.partition] ?? -1;
      const known = this.#leaders.get(node);
      if (known) known.readings = [...known.readings, reading];
      else {
        const leader = { node, readings: [reading], wellAt: clock.now() };
        this.#leaders.set(node, leader);
        void this.#readFrom(leader);
      }
    }
  }

  async #readFrom(leader: Leader): Promise<void> {
    const { clock, fetching, holds, listener, signal, broken } = this.#options;
    const { node } = leader;
    await Promise.resolve(); // until all of its partitions are known
    for (let failures = 0; holds() && leader.readings.length > 0; ) {
      try {
        await this.#readOnce(leader);
        failures = 0;
        leader.wellAt = clock.now();
        this.#wellAt = leader.wellAt;
      } catch (error) {
        if (!holds()) break;
        listener.error(error);
        // As long as others are read, it is this leader and not the clients
        if (++failures >= FAILURES && this.#wellAt <= leader.wellAt) return broken();
        if (error instanceof TransportTimeoutError) fetching.drop(node);
        await sleep(clock, AGAIN_MS * Math.min(failures, FAILURES), signal);
        await this.#insist(() => this.#spread(leader.readings));
      }
    }
    this.#leaders.delete(node);
  }

  async #readOnce({ node, readings }: Leader): Promise<void> {
    const { clock, fetching, holds, alive } = this.#options;
    const free = readings.filter(({ isFull }) => !isFull);
    if (free.length === 0) return this.#roomAnywhere();
    const maxWaitMs = free.length === readings.length ? MAX_WAIT_MS : SHORT_WAIT_MS;
    const { fetched, outOfRange, error } = await within(
      clock,
      ANSWER_WITHIN_MS,
      fetchFrom(fetching, node, free, maxWaitMs),
      READING,
    );
    if (!holds()) return;
    alive();
    for (const one of fetched) {
      one.position.offset = one.next;
      this.#offer(one);
    }
    for (const reading of outOfRange) {
      const asked = offsetsOf(fetching, reading.topic);
      const offsets = await within(clock, LOOK_UP_WITHIN_MS, asked, READING);
      reading.offset = offsets[reading.partition]?.first ?? 0;
    }
    if (error) throw error;
  }

  /** Offers records; what does not fit is kept and offered again when there is room. */
  #offer({ position, records, end }: Fetched<Reading>): void {
    const { clock, holds, listener } = this.#options;
    const { topic, partition } = position;
    let rest = records;
    const fits = (): boolean => {
      while (rest.length > 0) {
        const taken = listener.admit(topic, partition, rest, end);
        if (taken === 0) return false;
        rest = rest.slice(taken);
      }
      return true;
    };
    if (fits()) return;
    position.isFull = true;
    void (async () => {
      for (;;) {
        await listener.space(topic, partition);
        if (!holds() || fits()) break;
        await sleep(clock, ROOM_AGAIN_MS);
      }
      position.isFull = false;
      for (const waiting of this.#waiting) waiting.abort();
    })();
  }

  async #roomAnywhere(): Promise<void> {
    const found = new AbortController();
    this.#waiting.add(found);
    await sleep(this.#options.clock, MAX_WAIT_MS, found.signal);
    this.#waiting.delete(found);
  }
}
