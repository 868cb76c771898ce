import { type Answer, Batcher, type BatchReply } from './batcher.ts';
import { withDeadline } from './deadline.ts';
import { HoldUnavailableError, PoolClosedError } from './errors.ts';
import { joinSeq } from './keys.ts';
import { packSettings, type Settings } from './options.ts';
import type { PoolScripts } from './redis.ts';

const BATCH = 64;
const SWEEP = 48;
const ATTEMPTS = 4;

/** What this process believes of the pool's data in Redis. */
export type Belief = { epoch: number; leastSeq: number };

/**
 * The pool's line to Redis: batches, keeps the deadline, and carries epoch and highest seq with
 * every call. An answer that contradicts them means that Redis lost data; then `recover` says which
 * epoch to believe in, having refilled Redis if it had to, and the call, of which nothing was done,
 * is repeated.
 */
export class Link {
  readonly #scripts: PoolScripts;
  readonly #settings: Settings;
  readonly #pool: string;
  readonly #packed: string;
  readonly #recover: (belief: Belief) => Promise<number>;
  readonly #batcher: Batcher;
  #belief: Belief = { epoch: 0, leastSeq: 0 };
  #recovering: Promise<void> | null = null;
  #closed = false;
  /** Called when a batch left due holds behind. */
  onMore: () => void = () => {};

  constructor(
    scripts: PoolScripts,
    pool: string,
    settings: Settings,
    recover: (belief: Belief) => Promise<number>,
  ) {
    this.#scripts = scripts;
    this.#pool = pool;
    this.#settings = settings;
    this.#packed = packSettings(settings, SWEEP);
    this.#recover = recover;
    this.#batcher = new Batcher((requests) => this.#bounded(requests), BATCH);
  }

  get epoch(): number {
    return this.#belief.epoch;
  }

  /** Takes over the epoch that PostgreSQL names. */
  adopt(epoch: number): void {
    if (epoch > this.#belief.epoch) this.#belief = { epoch, leastSeq: 0 };
  }

  /** One request, together with the others of this turn; `seq` of the answer is the joined one. */
  request(parts: readonly (string | number)[], signal?: AbortSignal): Promise<Answer> {
    if (this.#closed) return Promise.reject(new PoolClosedError(this.#pool));
    return this.#batcher.request(JSON.stringify(parts), signal);
  }

  /** One request by itself, not bounded by the command deadline. */
  async unbounded(parts: readonly (string | number)[]): Promise<Answer> {
    const { results, ...reply } = await this.#insist([JSON.stringify(parts)]);
    return { ...reply, result: results[0] as unknown[] };
  }

  get belief(): Belief {
    return this.#belief;
  }

  /** The result of one request if Redis holds data of this epoch and as new, else null. */
  async probe(belief: Belief, parts: readonly (string | number)[]): Promise<unknown[] | null> {
    const reply = await this.#run(belief, [JSON.stringify(parts)]);
    return reply.ok ? (reply.results[0] ?? []) : null;
  }

  /** Asks for the epoch to believe in; callers at the same time share the answer. */
  recover(): Promise<void> {
    this.#recovering ??= this.#recover({ ...this.#belief })
      .then((epoch) => this.adopt(epoch))
      .finally(() => {
        this.#recovering = null;
      });
    return this.#recovering;
  }

  close(): void {
    this.#closed = true;
    this.#batcher.close(new PoolClosedError(this.#pool));
  }

  #bounded(requests: string[]): Promise<BatchReply> {
    const ms = this.#settings.commandTimeoutMs;
    return withDeadline(
      this.#insist(requests),
      ms,
      () => new HoldUnavailableError('redis', `Redis did not answer within ${ms} ms`),
    );
  }

  async #insist(requests: readonly string[]): Promise<BatchReply> {
    for (let attempt = 1; ; attempt++) {
      const { epoch } = this.#belief;
      const reply = await this.#run(this.#belief, requests);
      if (reply.ok) {
        // a late answer of a past epoch says nothing about the present one
        if (epoch === this.#belief.epoch && reply.seq > this.#belief.leastSeq)
          this.#belief = { epoch, leastSeq: reply.seq };
        if (reply.more) this.onMore();
        const { now, more, results } = reply;
        return { epoch, seq: joinSeq(epoch, reply.seq), now, more, results };
      }
      if (attempt === ATTEMPTS)
        throw new HoldUnavailableError('redis', `Redis lost the data of pool ${this.#pool}`);
      if (epoch === this.#belief.epoch) await this.recover();
    }
  }

  #run(belief: Belief, requests: readonly string[]) {
    const { clock } = this.#settings;
    const now = clock === null ? null : Math.floor(clock());
    return this.#scripts.run(belief.epoch, belief.leastSeq, now, this.#packed, requests);
  }
}
