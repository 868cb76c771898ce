import type { Guard } from './options.ts';
import type { RedisLike } from './redis-like.ts';

const PROBE_EVERY_MS = 500;

export type TierName = 'near' | 'global' | 'master';

/** What a call rejects with that was not made, or not answered in time. Never leaves the package. */
export class TierUnavailable extends Error {
  override readonly name = 'TierUnavailable';
}

export interface TierOptions {
  name: TierName;
  client: RedisLike;
  timeoutMs: number;
  guard: Guard;
  /** Told when the tier stops answering, and when it answers again. */
  onChange: (tier: Tier, cause?: unknown) => void;
}

/**
 * One Redis whose calls end in bounded time. A stock client queues commands for many seconds while
 * its server is dead; so each call has a deadline, and after the first one missed the tier is down:
 * calls fail at once, and a PING in the background tells when it is back.
 */
export class Tier {
  readonly name: TierName;
  readonly #client: RedisLike;
  readonly #timeoutMs: number;
  readonly #guard: Guard;
  readonly #onChange: TierOptions['onChange'];
  #up = true;
  #closed = false;
  #probing = false;
  #probe: NodeJS.Timeout | undefined;

  constructor(options: TierOptions) {
    this.name = options.name;
    this.#client = options.client;
    this.#timeoutMs = options.timeoutMs;
    this.#guard = options.guard;
    this.#onChange = options.onChange;
  }

  get up(): boolean {
    return this.#up;
  }

  /**
   * Calls the server. `late` gets an answer that came after the deadline: the client may still have
   * sent the command, much later.
   */
  run<R>(
    call: (client: RedisLike) => Promise<R>,
    late?: (reply: R, client: RedisLike) => void,
  ): Promise<R> {
    if (!this.#up) return Promise.reject(new TierUnavailable(`${this.name} is down`));
    return new Promise((resolve, reject) => {
      let open = true;
      const timer = setTimeout(() => {
        // after a stall of this process, replies that wait in the socket are read before this runs
        setImmediate(() => {
          if (!open) return;
          open = false;
          const error = new TierUnavailable(
            `${this.name} did not answer within ${this.#timeoutMs} ms`,
          );
          this.#down(error);
          reject(error);
        });
      }, this.#timeoutMs);
      this.#guard(() => call(this.#client)).then(
        (reply) => {
          if (!open) return late?.(reply, this.#client);
          open = false;
          clearTimeout(timer);
          resolve(reply);
        },
        (error) => {
          if (!open) return;
          open = false;
          clearTimeout(timer);
          // a server that answers with an error is there
          if (error?.name !== 'ReplyError') this.#down(error);
          reject(error);
        },
      );
    });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#probe);
  }

  #down(cause: unknown): void {
    if (!this.#up || this.#closed) return;
    this.#up = false;
    this.#onChange(this, cause);
    this.#ping();
  }

  /** One PING at a time: a client without a server keeps every command it is given. */
  #ping(): void {
    if (this.#probing || this.#closed) return;
    this.#probing = true;
    this.#guard(() => this.#client.ping()).then(
      () => {
        this.#probing = false;
        if (this.#closed) return;
        this.#up = true;
        this.#onChange(this);
      },
      () => {
        this.#probing = false;
        if (this.#closed) return;
        this.#probe = setTimeout(() => this.#ping(), PROBE_EVERY_MS).unref();
      },
    );
  }
}
