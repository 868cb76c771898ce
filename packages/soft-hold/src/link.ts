import { type Answer, Batcher, type BatchReply } from './batcher.ts';
import type { Board, BoardRequest } from './board.ts';
import { withDeadline } from './deadline.ts';
import { HoldUnavailableError, PoolClosedError } from './errors.ts';
import { joinSeq } from './keys.ts';
import { packSettings, type Settings } from './options.ts';
import type { RedisBoard } from './redis.ts';
import type { Where } from './store.ts';

const BATCH = 64;
const SWEEP = 48;
const ATTEMPTS = 4;

/** What this process believes of the pool's data on its board. */
export type Belief = { epoch: number; leastSeq: number };

/** The boards a pool may be on; without Redis it is on the store's. */
export type Boards = { redis: RedisBoard | null; store: Board };

/**
 * The pool's line to its board: batches, keeps the deadline, and carries epoch and highest seq with
 * every call. An answer that contradicts them means that the board lost data, or that the pool is on
 * another one by now; then `recover` says what to believe in, having refilled the board if it had to,
 * and the call, of which nothing was done, is repeated.
 */
export class Link {
  readonly #boards: Boards;
  readonly #settings: Settings;
  readonly #pool: string;
  readonly #packed: string;
  readonly #recover: (belief: Belief) => Promise<Where>;
  readonly #batcher: Batcher;
  #where: Where;
  #leastSeq = 0;
  #seen = { now: 0, at: 0 };
  #recovering: Promise<void> | null = null;
  #closed = false;
  /** Called when a batch left due holds behind. */
  onMore: () => void = () => {};
  /** Called with the waiters who got their offer, as the board lists them. */
  onPromoted: (promoted: unknown[][]) => void = () => {};
  /** Called after every bounded call: did the board answer? */
  onAnswer: (answered: boolean) => void = () => {};

  constructor(
    boards: Boards,
    pool: string,
    settings: Settings,
    recover: (belief: Belief) => Promise<Where>,
  ) {
    this.#boards = boards;
    this.#pool = pool;
    this.#settings = settings;
    this.#packed = packSettings(settings, SWEEP);
    this.#recover = recover;
    this.#where = { epoch: 0, board: boards.redis === null ? 'store' : 'redis' };
    this.#batcher = new Batcher((requests) => this.#bounded(requests), BATCH);
  }

  get epoch(): number {
    return this.#where.epoch;
  }

  get where(): Where {
    return this.#where;
  }

  get board(): Board {
    const { redis, store } = this.#boards;
    return this.#where.board === 'redis' && redis !== null ? redis : store;
  }

  /** Takes over what the store names. */
  adopt({ epoch, board }: Where): void {
    if (epoch <= this.#where.epoch) return;
    this.#where = { epoch, board };
    this.#leastSeq = 0;
  }

  /** One request, together with the others of this turn; `seq` of the answer is the joined one. */
  request(parts: BoardRequest, signal?: AbortSignal): Promise<Answer> {
    if (this.#closed) return Promise.reject(new PoolClosedError(this.#pool));
    return this.#batcher.request(parts, signal);
  }

  /** One request by itself, not bounded by the command deadline. */
  async unbounded(parts: BoardRequest): Promise<Answer> {
    const { results, ...reply } = await this.#insist([parts]);
    return { ...reply, result: results[0] as unknown[] };
  }

  get belief(): Belief {
    return { epoch: this.#where.epoch, leastSeq: this.#leastSeq };
  }

  /** The result of one request if the board holds data of this epoch and as new, else null. */
  async probe(belief: Belief, parts: BoardRequest): Promise<unknown[] | null> {
    const reply = await this.#run(belief, [parts]);
    return reply.ok ? (reply.results[0] ?? []) : null;
  }

  /** Whether Redis runs scripts again, whatever it holds. */
  async redisAnswers(): Promise<boolean> {
    const ms = this.#settings.commandTimeoutMs;
    const nothing = { epoch: 0, leastSeq: 0, clock: null, settings: '[]', requests: [] };
    const asking = this.#boards.redis?.run(nothing) ?? Promise.reject(new Error('no Redis'));
    return withDeadline(asking, ms, () => new Error('late')).then(
      () => true,
      () => false,
    );
  }

  /** The board's time: what it last said, and what has passed since. */
  estimatedNow(): number {
    const { clock } = this.#settings;
    if (clock !== null) return Math.floor(clock());
    const { now, at } = this.#seen;
    return now === 0 ? 0 : Math.floor(now + performance.now() - at);
  }

  /** Asks what to believe in; callers at the same time share the answer. */
  recover(): Promise<void> {
    this.#recovering ??= this.#recover(this.belief)
      .then((where) => this.adopt(where))
      .finally(() => {
        this.#recovering = null;
      });
    return this.#recovering;
  }

  close(): void {
    this.#closed = true;
    this.#batcher.close(new PoolClosedError(this.#pool));
  }

  async #bounded(requests: readonly BoardRequest[]): Promise<BatchReply> {
    const ms = this.#settings.commandTimeoutMs;
    const { system } = this.board;
    const late = () => {
      const of = system === 'redis' ? 'Redis' : 'PostgreSQL';
      return new HoldUnavailableError(
        system === 'redis' ? 'redis' : 'postgres',
        `${of} did not answer within ${ms} ms`,
      );
    };
    try {
      const reply = await withDeadline(this.#insist(requests), ms, late);
      this.onAnswer(true);
      return reply;
    } catch (error) {
      if (error instanceof HoldUnavailableError && error.system === system) this.onAnswer(false);
      throw error;
    }
  }

  async #insist(requests: readonly BoardRequest[]): Promise<BatchReply> {
    for (let attempt = 1; ; attempt++) {
      const { epoch } = this.#where;
      const reply = await this.#run(this.belief, requests);
      if (reply.ok) {
        const { seq, now, more, promoted, results } = reply;
        // a late answer of a past epoch says nothing about the present one
        if (epoch === this.#where.epoch && seq > this.#leastSeq) this.#leastSeq = seq;
        this.#seen = { now, at: performance.now() };
        if (more) this.onMore();
        if (promoted.length > 0) this.onPromoted(promoted);
        return { epoch, seq: joinSeq(epoch, seq), now, more, results };
      }
      if (attempt === ATTEMPTS)
        throw new HoldUnavailableError('redis', `Redis lost the data of pool ${this.#pool}`);
      if (epoch === this.#where.epoch) await this.recover();
    }
  }

  #run({ epoch, leastSeq }: Belief, requests: readonly BoardRequest[]) {
    const { clock: own } = this.#settings;
    const clock = own === null ? null : Math.floor(own());
    return this.board.run({ epoch, leastSeq, clock, settings: this.#packed, requests });
  }
}
