/**
 * Tells everybody in a waiting room where the queue is. It is one document for all, so it is written
 * once and sent as the same bytes; the more people wait, the rarer they are told, but the opening is
 * told to all of them at once.
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
type Audience = { listeners: Set<Listener>; latest: Buffer | undefined };
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
   * Calls `listener` with the state of the room now, and again as it changes; returns the way to stop.
   * @throws ProblemError `not_found` when there is no such event or it has no waiting room
   */
  async watch(slug: string, listener: Listener): Promise<() => void> {
    let audience = this.#audiences.get(slug);
    if (!audience?.latest) {
      const { message } = await this.#read(slug);
      audience = this.#audiences.get(slug) ?? this.#gather(slug);
      audience.latest = message;
    }
    audience.listeners.add(listener);
    listener(audience.latest as Buffer);
    const { listeners } = audience;
    return () => listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed.abort();
  }

  #gather(slug: string): Audience {
    const audience: Audience = { listeners: new Set(), latest: undefined };
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
      const isDue = performance.now() - toldAt >= audience.listeners.size / toldPerMs;
      if (read.phase === shown && !isDue) continue;
      shown = read.phase;
      toldAt = performance.now();
      let told = 0;
      for (const listener of [...audience.listeners]) {
        // who came in the middle has the latest already, who left needs none
        if (audience.listeners.has(listener)) listener(read.message);
        if (++told % slice === 0) await setImmediate();
      }
    } while (audience.listeners.size > 0);
    this.#audiences.delete(slug);
  }

  async #read(slug: string): Promise<{ phase: string; opensAt: number; message: Buffer }> {
    const status = await this.#options.rooms.of(await this.#options.catalog.event(slug)).status();
    const message: ServerMessage = { type: 'waiting-room', event: slug, status };
    const { phase, opensAt } = status;
    return { phase, opensAt, message: Buffer.from(JSON.stringify(message)) };
  }
}
