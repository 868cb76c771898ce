/**
 * Tells everybody in a waiting room where the queue is. It is one document for all, so it is written
 * once and sent as the same bytes; the more people wait, the rarer they are told. What nobody may learn
 * late is told at once: the opening to all of them, and their turn to those who come next, who say for
 * that where they stand.
 */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ServerMessage } from '../../contract.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { WaitingRooms } from '../inventory/waiting-rooms.ts';

const lookEveryMs = 1_000;
/** after the moment of the opening, for the room's own clock to have come that far */
const afterOpeningMs = 20;
/**
 * So many a millisecond: eight processes of 18,750 people on two cores then use a third of one for this, and what cannot
 * wait, a seat or the opening, does not queue behind it. In a full process everybody is told each nine seconds.
 */
const toldPerMs = 2;
/** sent without a pause; between slices, others have their turn */
const slice = 500;

type Listener = (message: Buffer) => void;
type Audience = {
  listeners: Set<Listener>;
  /** the places of those who come next, until it is their turn */
  near: Map<Listener, number>;
  latest: Buffer | undefined;
};
type Reading = { phase: string; opensAt: number; admittedBelow: number; message: Buffer };
export type WaitingFeedOptions = {
  rooms: Pick<WaitingRooms, 'of'>;
  catalog: Pick<Catalog, 'event'>;
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
    if (!audience?.latest) {
      const { message } = await this.#read(slug);
      audience = this.#audiences.get(slug) ?? this.#gather(slug);
      audience.latest = message;
    }
    const { listeners, near } = audience;
    listeners.add(listener);
    if (place !== undefined) near.set(listener, place);
    listener(audience.latest as Buffer);
    return () => {
      listeners.delete(listener);
      near.delete(listener);
    };
  }

  async close(): Promise<void> {
    this.#closed.abort();
  }

  #gather(slug: string): Audience {
    const audience: Audience = { listeners: new Set(), near: new Map(), latest: undefined };
    this.#audiences.set(slug, audience);
    void this.#tell(slug, audience);
    return audience;
  }

  /** Until nobody listens any more. */
  async #tell(slug: string, audience: Audience): Promise<void> {
    const { signal } = this.#closed;
    let shown: string | undefined;
    let opensAt = 0;
    let toldAt = performance.now();
    do {
      // the opening is looked for when it is due, and not up to a second later
      const opensInMs = opensAt + afterOpeningMs - Date.now();
      const waitMs = opensInMs > 0 ? Math.min(lookEveryMs, opensInMs) : lookEveryMs;
      await sleep(waitMs, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      const read = await this.#read(slug).catch((error) => {
        this.#options.log.warn({ err: error, event: slug }, 'waiting room cannot be read');
      });
      // nobody is told the same twice
      if (read) ({ opensAt } = read);
      if (!read || audience.latest?.equals(read.message)) continue;
      audience.latest = read.message;
      const letIn = takeLetIn(audience.near, read.admittedBelow);
      const isDue = performance.now() - toldAt >= audience.listeners.size / toldPerMs;
      if (read.phase === shown && !isDue) {
        await this.#send(letIn, audience, read.message);
        continue;
      }
      shown = read.phase;
      toldAt = performance.now();
      await this.#send([...audience.listeners], audience, read.message);
    } while (audience.listeners.size > 0);
    this.#audiences.delete(slug);
  }

  async #send(to: Listener[], { listeners }: Audience, message: Buffer): Promise<void> {
    let told = 0;
    for (const listener of to) {
      // who came in the middle has the latest already, who left needs none
      if (listeners.has(listener)) listener(message);
      if (++told % slice === 0) await setImmediate();
    }
  }

  async #read(slug: string): Promise<Reading> {
    const status = await this.#options.rooms.of(await this.#options.catalog.event(slug)).status();
    const message: ServerMessage = { type: 'waiting-room', event: slug, status };
    const { phase, opensAt, admittedBelow } = status;
    return { phase, opensAt, admittedBelow, message: Buffer.from(JSON.stringify(message)) };
  }
}

/** Those of `near` whose turn it is, who are near no longer. */
function takeLetIn(near: Map<Listener, number>, admittedBelow: number): Listener[] {
  const letIn = [...near].filter(([, place]) => place < admittedBelow).map(([one]) => one);
  for (const one of letIn) near.delete(one);
  return letIn;
}
