import { type CommitContext, commitHold, settleHold } from './commit.ts';
import { withDeadline } from './deadline.ts';
import { type HoldPoolEvents, SafeEmitter } from './emitter.ts';
import { HoldUnavailableError, PoolClosedError, PoolNotOpenError } from './errors.ts';
import { Feed } from './feed.ts';
import {
  type Catalogue,
  catalogueOf,
  checkHold,
  checkId,
  checkMs,
  checkName,
  checkToken,
  listStock,
  packItems,
} from './input.ts';
import { Journal } from './journal.ts';
import { Link } from './link.ts';
import { Maintenance } from './maintenance.ts';
import { type HoldPoolOptions, readSettings, type Settings } from './options.ts';
import { Recovery } from './recovery.ts';
import { PoolScripts, type RedisLike } from './redis.ts';
import { holdOf, holdResultOf, stateOf } from './results.ts';
import type { HoldStore, StoredPool, Transaction } from './store.ts';
import type {
  AvailabilitySnapshot,
  CommitResult,
  ExtendResult,
  Hold,
  HoldReference,
  HoldRequest,
  HoldResult,
  HoldState,
  ReleaseResult,
  Stock,
  Verification,
} from './types.ts';
import { snapshotOf } from './verify.ts';

const TRIM_EVERY_MS = 60_000;
const SLOW_CALL_MS = 10_000;

/**
 * The stock of one sale: holds in Redis, the decision who bought in PostgreSQL.
 *
 * A hold is `pending` and runs out by itself, or is released. `commit` pins it (`committing`), lets
 * PostgreSQL decide, and makes it `confirmed` or `void`. Refusals are values; errors mean that Redis
 * or PostgreSQL did not answer, and every call may be repeated as it was.
 *
 * Redis may lose its data at any time: each call carries the epoch and the position this process has
 * seen, a Redis that is behind answers nothing, and the pool is filled again from PostgreSQL.
 */
export class HoldPool {
  readonly pool: string;
  readonly #redis: RedisLike;
  readonly #store: HoldStore;
  readonly #settings: Settings;
  readonly #link: Link;
  readonly #journal: Journal;
  readonly #recovery: Recovery;
  readonly #maintenance: Maintenance;
  readonly #emitter = new SafeEmitter();
  readonly #context: CommitContext;
  #catalogue: Catalogue | null = null;
  #loading: Promise<Catalogue> | null = null;
  #feed: Promise<Feed> | null = null;
  #trimmedAt = 0;
  #closed = false;

  /** @throws RangeError or TypeError when an option is wrong. */
  constructor(options: HoldPoolOptions) {
    this.#settings = readSettings(options);
    this.pool = checkName('pool', options.pool);
    this.#redis = options.redis;
    this.#store = options.store;
    const onFault = (error: unknown) => this.#emitter.emit('fault', error);
    const scripts = new PoolScripts(options.redis, this.pool, SLOW_CALL_MS);
    this.#journal = new Journal(this.#store, this.pool, onFault);
    this.#link = new Link(scripts, this.pool, this.#settings, (belief) =>
      this.#recovery.recover(belief),
    );
    this.#recovery = new Recovery({
      pool: this.pool,
      store: this.#store,
      scripts,
      settings: this.#settings,
      link: this.#link,
      journal: this.#journal,
      onRebuilt: (epoch) => this.#emitter.emit('rebuilt', { epoch }),
    });
    this.#maintenance = new Maintenance(
      this.#link,
      this.#settings.maintainEveryMs,
      async (id) => void (await settleHold(this.#context, id)),
      (now) => this.#trim(now),
      onFault,
    );
    this.#link.onMore = () => this.#maintenance.soon();
    this.#context = {
      pool: this.pool,
      store: this.#store,
      link: this.#link,
      journal: this.#journal,
      settings: this.#settings,
      suspect: (lostId) => this.#recovery.suspect(lostId),
      onFault,
    };
  }

  /**
   * Opens the pool with its stock: units by number, or named seats. Idempotent: every process of the
   * sale calls it at its start, the first one creates.
   *
   * @throws StockMismatchError when the pool is open with other stock
   * @throws HoldInputError, HoldUnavailableError
   */
  async open(stock: Stock): Promise<void> {
    const lines = listStock(stock);
    this.#throwIfClosed();
    this.#adopt(await this.#store.open(this.pool, lines));
    await this.#link.unbounded(['work']); // fills Redis when it is empty
  }

  /**
   * Takes the items for `ttlMs`, all or nothing.
   *
   * @throws HoldInputError when the request is wrong; nothing was sent
   * @throws HoldUnavailableError when Redis did not answer in time; ask again with the same id
   * @throws PoolNotOpenError when nobody has opened the pool
   */
  async hold(request: HoldRequest): Promise<HoldResult> {
    const catalogue = this.#catalogue ?? (await this.#load());
    const id = checkId('id', request?.id);
    const holder = checkId('holder', request.holder);
    const items = packItems(request.items, catalogue);
    for (let attempt = 1; attempt <= 2; attempt++) {
      const answer = await this.#link.request(['hold', id, holder, items], request.signal);
      const result = holdResultOf(id, answer);
      if (result === null) await this.#recovery.suspect();
      else {
        if (result.status === 'held' && !result.replayed) this.#write(result.hold, items);
        return result;
      }
    }
    throw new HoldUnavailableError('redis', `Redis does not know the stock of pool ${this.pool}`);
  }

  /**
   * Lets a pending hold live for another `forMs` from now, never shorter than it does already and
   * never beyond `createdAt + maxHoldMs`; see the answer's `expiresAt`.
   *
   * @throws HoldInputError, HoldUnavailableError
   */
  async extend(
    hold: Hold,
    options: { forMs: number; signal?: AbortSignal },
  ): Promise<ExtendResult> {
    const { id, token } = checkHold(hold);
    const forMs = checkMs('forMs', options?.forMs, this.#settings.maxHoldMs);
    await this.#ready();
    const answer = await this.#link.request(['extend', id, token, forMs], options.signal);
    if (answer.result[0] !== 'held')
      return { status: stateOf(answer.result[1]) as Exclude<HoldState, 'pending'> };
    const extended = holdOf(id, answer);
    this.#write(extended, String(answer.result[6]));
    return { status: 'held', hold: extended };
  }

  /**
   * Gives the units back. A hold that is being committed is given back only if PostgreSQL has not
   * decided for it. An id never seen leaves a tombstone, so that a `hold` that comes late is refused.
   *
   * @throws HoldInputError, HoldUnavailableError
   */
  async release(
    hold: HoldReference,
    options: { signal?: AbortSignal } = {},
  ): Promise<ReleaseResult> {
    const id = checkId('id', hold?.id);
    const token = hold.token === undefined ? '' : checkToken(hold.token);
    await this.#ready();
    const { result, now } = await this.#link.request(['release', id, token], options.signal);
    let state = stateOf(result[1]);
    if (state === 'committing') state = await settleHold(this.#context, id);
    if (result[2] !== undefined) this.#journal.end({ id, token: String(result[2]), time: now });
    if (state === 'confirmed') return { status: 'sold' };
    return { status: state === 'expired' && result[1] !== '-' ? 'expired' : 'released' };
  }

  /** The hold of this id and where it stands; null when it was never granted or is forgotten. */
  async get(
    id: string,
    options: { signal?: AbortSignal } = {},
  ): Promise<(Hold & { state: HoldState }) | null> {
    checkId('id', id);
    await this.#ready();
    const answer = await this.#link.request(['get', id], options.signal);
    if (answer.result[0] === 'none') return null;
    return { ...holdOf(id, answer), state: stateOf(answer.result[1]) };
  }

  /**
   * Sells what is held. `work` writes the caller's rows in the transaction that decides: they are
   * there if and only if the sale is. It runs at most once to its end, in whichever process.
   *
   * @throws what `work` throws; nothing is decided then, and the hold stays pinned until
   * `commitMs` after the first attempt: commit again or release it
   * @throws HoldInputError
   * @throws HoldUnavailableError when Redis or PostgreSQL did not answer; commit again
   */
  async commit(
    hold: Hold,
    work: (tx: Transaction) => Promise<void>,
    options: { signal?: AbortSignal } = {},
  ): Promise<CommitResult> {
    const { id, token } = checkHold(hold);
    await this.#ready();
    return commitHold(
      this.#context,
      { id, token, expiresAt: hold.expiresAt },
      work,
      options.signal,
    );
  }

  /**
   * What is free, held and sold of each SKU, and with `seats` the state of each named seat. O(SKUs),
   * with `seats` O(seats).
   */
  async available(
    options: { seats?: boolean; signal?: AbortSignal } = {},
  ): Promise<AvailabilitySnapshot> {
    const catalogue = await this.#ready();
    const seats = options.seats === true;
    const look = () => this.#link.request(['look', seats ? 1 : 0], options.signal);
    let answer = await look();
    if (answer.more) {
      await this.#maintenance.run(); // due holds count as free, so give them back first
      answer = await look();
    }
    return snapshotOf(answer, seats ? catalogue : null);
  }

  /** Stops granting in every process (`closed`); what is held can still be bought. */
  async pause(): Promise<void> {
    await this.#setPaused(true);
  }

  /** Grants again. */
  async resume(): Promise<void> {
    await this.#setPaused(false);
  }

  /**
   * Listens. The first listener to `change`, `expired` or `gap` starts the feed, on a connection of
   * its own; await `subscribe()` to know that it runs.
   */
  on<E extends keyof HoldPoolEvents>(event: E, listener: (value: HoldPoolEvents[E]) => void): this {
    this.#emitter.on(event, listener);
    if (event === 'change' || event === 'expired' || event === 'gap')
      this.subscribe().catch((error) => this.#emitter.emit('fault', error));
    return this;
  }

  off<E extends keyof HoldPoolEvents>(
    event: E,
    listener: (value: HoldPoolEvents[E]) => void,
  ): this {
    this.#emitter.off(event, listener);
    return this;
  }

  /** Starts the feed; resolves when every later change will be told. Idempotent. */
  async subscribe(): Promise<void> {
    this.#throwIfClosed();
    this.#feed ??= this.#follow().catch((error) => {
      this.#feed = null;
      throw error;
    });
    await this.#feed;
  }

  /**
   * Does now what every process does every `maintainEveryMs`: expires what is due, settles commits
   * whose deadline has passed.
   */
  async maintain(): Promise<void> {
    await this.#ready();
    await this.#maintenance.run();
  }

  /**
   * Compares Redis with itself and with PostgreSQL; `ok` when nothing differs. Reads every open hold
   * and every sale: for operators and tests, not for each request.
   */
  async verify(): Promise<Verification> {
    await this.#ready();
    const differences = await this.#recovery.differences();
    return { ok: differences.length === 0, differences };
  }

  /** Fills Redis again from PostgreSQL, under a new epoch, whatever it holds now. */
  async rebuild(): Promise<void> {
    await this.#ready();
    await this.#recovery.force();
  }

  /** For @evenkeel/health: well when Redis and PostgreSQL answer. */
  healthCheck(): { name: string; check(signal: AbortSignal): Promise<unknown> } {
    return {
      name: `soft-hold:${this.pool}`,
      check: async (signal) => {
        const late = () => new HoldUnavailableError('postgres', 'PostgreSQL did not answer');
        const [{ seq, skus }] = await Promise.all([
          this.available({ signal }),
          withDeadline(this.#store.ping(), SLOW_CALL_MS, late, signal),
        ]);
        return { seq, skus };
      },
    };
  }

  /** Stops timers and feed and writes the journal; what is held stays held. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#feed?.then((feed) => feed.close()).catch(() => {});
    this.#link.close();
    await this.#maintenance.close();
    await this.#journal.close();
    this.#emitter.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #throwIfClosed(): void {
    if (this.#closed) throw new PoolClosedError(this.pool);
  }

  async #ready(): Promise<Catalogue> {
    return this.#catalogue ?? (await this.#load());
  }

  #load(): Promise<Catalogue> {
    this.#loading ??= this.#store
      .find(this.pool)
      .then((stored) => {
        this.#throwIfClosed();
        if (stored === null) throw new PoolNotOpenError(this.pool);
        return this.#adopt(stored);
      })
      .finally(() => {
        this.#loading = null;
      });
    return this.#loading;
  }

  #adopt(stored: StoredPool): Catalogue {
    this.#link.adopt(stored.epoch);
    this.#catalogue = catalogueOf(stored.stock);
    this.#maintenance.start();
    return this.#catalogue;
  }

  #write({ id, token, holder, createdAt, expiresAt }: Hold, items: string): void {
    this.#journal.grant({ id, token, holder, items, createdAt, expiresAt });
  }

  async #setPaused(paused: boolean): Promise<void> {
    await this.#ready();
    await this.#store.setPaused(this.pool, paused);
    await this.#link.request(['pause', paused ? 1 : 0]);
  }

  async #trim(now: number): Promise<void> {
    if (now - this.#trimmedAt < TRIM_EVERY_MS) return;
    this.#trimmedAt = now;
    await this.#store.trimJournal(this.pool, now - this.#settings.graceMs - TRIM_EVERY_MS);
  }

  async #follow(): Promise<Feed> {
    const { seq } = await this.available();
    this.#throwIfClosed();
    return new Feed(this.#redis, this.pool, seq, {
      onStep: ({ seq, changes, expired }) => {
        this.#emitter.emit('change', { seq, changes });
        if (expired.length > 0) this.#emitter.emit('expired', { seq, ids: expired });
      },
      onGap: (seq) => this.#emitter.emit('gap', { seq }),
      onError: (error) => this.#emitter.emit('fault', error),
    });
  }
}
