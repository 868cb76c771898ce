import type { Link } from './link.ts';
import { listOf } from './redis.ts';

const SOONEST_MS = 10;
const TRIM_EVERY_MS = 60_000;
/** An ended hold stays in the journal for this long, so that a grant that comes later finds it. */
const TRIM_AFTER_MS = 60_000;

/**
 * The leaderless caretaker: every process of the sale runs one. A round expires what is due (any
 * call does, this one also when nobody calls) and settles the commits whose deadline has passed.
 * They may all do it at once; each step is idempotent and PostgreSQL decides.
 */
export class Maintenance {
  readonly #link: Link;
  readonly #everyMs: number;
  readonly #settle: (id: string) => Promise<void>;
  readonly #trim: (until: number) => Promise<void>;
  readonly #look: () => void;
  readonly #onError: (error: unknown) => void;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;
  #nextMs = 0;
  #trimmedAt = 0;
  #closed = false;

  constructor(
    link: Link,
    everyMs: number,
    settle: (id: string) => Promise<void>,
    trim: (until: number) => Promise<void>,
    look: () => void,
    onError: (error: unknown) => void,
  ) {
    this.#link = link;
    this.#everyMs = everyMs;
    this.#settle = settle;
    this.#trim = trim;
    this.#look = look;
    this.#onError = onError;
  }

  start(): void {
    if (!this.#closed && this.#timer === null) this.#arm(this.#everyMs);
  }

  /** Brings the next round forward; more holds are due. */
  soon(): void {
    if (this.#closed || this.#everyMs === Infinity || this.#running !== null) return;
    this.#arm(0);
  }

  /** Rounds until nothing is due any more. Rejects when Redis or the store fails. */
  run(): Promise<void> {
    this.#running ??= this.#rounds().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running?.catch(() => {});
  }

  #arm(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (ms === Infinity) return;
    this.#timer = setTimeout(async () => {
      this.#timer = null;
      await this.run().catch(this.#onError);
      if (!this.#closed && this.#timer === null) this.#arm(this.#nextMs);
    }, ms);
    this.#timer.unref();
  }

  async #rounds(): Promise<void> {
    this.#nextMs = this.#everyMs;
    this.#look();
    for (let swept = true; swept && !this.#closed; ) {
      const { now, result } = await this.#link.request(['work']);
      const nextAt = Number(result[0]); // when the next hold is due, 0 for none
      const stuck = listOf<string>(result[1]);
      for (const id of stuck) await this.#settle(id);
      swept = (nextAt > 0 && nextAt <= now) || stuck.length > 0;
      if (nextAt > now)
        this.#nextMs = Math.max(SOONEST_MS, Math.min(this.#everyMs, nextAt - now + 1));
      if (!swept && now - this.#trimmedAt >= TRIM_EVERY_MS) {
        this.#trimmedAt = now;
        await this.#trim(now - TRIM_AFTER_MS);
      }
    }
  }
}
