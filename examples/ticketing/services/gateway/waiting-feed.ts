/**
 * Tells everybody in a waiting room where the queue is. It is one document for all, so it is written
 * once and sent as the same bytes. One after the other is told, steadily, so that the more people wait,
 * the rarer each hears of it. What nobody may learn late is told at once: the opening to all of them, and
 * their turn to those who come next, who say for that where they stand.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ServerMessage } from '../../contract.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { type Broadcasts, type Listener, tell, type Watcher } from '../inventory/broadcasts.ts';
import type { WaitingRooms } from '../inventory/waiting-rooms.ts';

const lookEveryMs = 1_000;
/** after the moment of the opening, for the room's own clock to have come that far */
const afterOpeningMs = 20;
/**
 * So many a millisecond, a few at a time: eight processes of 18,750 people on two cores then spend a sixth of them on this, and
 * never all at the same moment. In a full process everybody is told each nine seconds.
 */
const toldPerMs = 2;
const few = 50;
/**
 * Where the queue is waits for what all must hear at once: so long, which is what a round takes in a full process, and longer only
 * as it has been told meanwhile, so that of seat after seat it gets half of the time.
 */
const patienceMs = 10_000;

type Reading = { phase: string; opensAt: number; admittedBelow: number; message: Buffer };
type Audience = {
  watchers: Set<Watcher>;
  /** the places of those who come next, until it is their turn */
  near: Map<Watcher, number>;
  latest: Buffer;
  isBeingTold: boolean;
};
export type WaitingFeedOptions = {
  rooms: Pick<WaitingRooms, 'of'>;
  catalog: Pick<Catalog, 'event'>;
  broadcasts: Broadcasts;
  log: Pick<Logger, 'warn'>;
};

export class WaitingFeed {
  readonly #options: WaitingFeedOptions;
  readonly #audiences = new Map<string, Audience>();
  readonly #closed = new AbortController();

  constructor(options: WaitingFeedOptions) {
    this.#options = options;
  }

  /**
   * Calls `listener` with the state of the room now, and again as it changes; returns the way to stop. Who gives a
   * `place` is told within a look that it is admitted, however many others listen.
   * @throws ProblemError `not_found` when there is no such event or it has no waiting room
   */
  async watch(slug: string, listener: Listener, place?: number): Promise<() => void> {
    let audience = this.#audiences.get(slug);
    if (!audience) {
      const read = await this.#read(slug);
      audience = this.#audiences.get(slug) ?? this.#gather(slug, read);
    }
    const { watchers, near, latest } = audience;
    const watcher: Watcher = { listener, heard: latest, hasLeft: false };
    watchers.add(watcher);
    if (place !== undefined) near.set(watcher, place);
    listener(latest);
    return () => {
      watcher.hasLeft = true;
      watchers.delete(watcher);
      near.delete(watcher);
    };
  }

  async close(): Promise<void> {
    this.#closed.abort();
  }

  #gather(slug: string, read: Reading): Audience {
    const audience: Audience = {
      watchers: new Set(),
      near: new Map(),
      latest: read.message,
      isBeingTold: false,
    };
    this.#audiences.set(slug, audience);
    void this.#look(slug, audience, read);
    return audience;
  }

  /** Until nobody listens any more. */
  async #look(slug: string, audience: Audience, { phase, opensAt }: Reading): Promise<void> {
    const { signal } = this.#closed;
    do {
      // the opening is looked for when it is due, and not up to a second later
      const opensInMs = opensAt + afterOpeningMs - Date.now();
      await this.#pause(opensInMs > 0 ? Math.min(lookEveryMs, opensInMs) : lookEveryMs);
      if (signal.aborted) return;
      const read = await this.#read(slug).catch((error) => {
        this.#options.log.warn({ err: error, event: slug }, 'waiting room cannot be read');
      });
      if (!read) continue;
      audience.latest = audience.latest.equals(read.message) ? audience.latest : read.message;
      const isNews = read.phase !== phase;
      ({ phase, opensAt } = read);
      const letIn = takeLetIn(audience.near, read.admittedBelow);
      const latest = () => this.#latest(audience);
      await this.#options.broadcasts.tell(isNews ? audience.watchers : letIn, latest);
      if (!audience.isBeingTold) void this.#tellInTurn(audience);
    } while (audience.watchers.size > 0);
    this.#audiences.delete(slug);
  }

  async #tellInTurn(audience: Audience): Promise<void> {
    const gapMs = few / toldPerMs;
    let patience = patienceMs;
    audience.isBeingTold = true;
    const rest = async () => {
      await this.#pause(gapMs);
      patience = Math.min(patienceMs, patience + gapMs);
      for (; this.#options.broadcasts.isUnderWay && patience > 0; patience -= gapMs) {
        await this.#pause(gapMs);
      }
    };
    await tell(audience.watchers, () => this.#latest(audience), few, rest);
    audience.isBeingTold = false;
  }

  /** Nothing, which ends telling, once this is closed. */
  #latest({ latest }: Audience): Buffer | undefined {
    return this.#closed.signal.aborted ? undefined : latest;
  }

  #pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.#closed.signal, ref: false }).catch(() => {});
  }

  async #read(slug: string): Promise<Reading> {
    const status = await this.#options.rooms.of(await this.#options.catalog.event(slug)).status();
    const message: ServerMessage = { type: 'waiting-room', event: slug, status };
    const { phase, opensAt, admittedBelow } = status;
    return { phase, opensAt, admittedBelow, message: Buffer.from(JSON.stringify(message)) };
  }
}

/** Those of `near` whose turn it is, who are near no longer. */
function takeLetIn(near: Map<Watcher, number>, admittedBelow: number): Watcher[] {
  const letIn = [...near].filter(([, place]) => place < admittedBelow).map(([one]) => one);
  for (const one of letIn) near.delete(one);
  return letIn;
}
