import type { Answer } from './batcher.ts';
import { changeTotal } from './capacity.ts';
import { type CommitContext, commitHold, releaseHold, settleHold } from './commit.ts';
import { type HoldPoolEvents, SafeEmitter } from './emitter.ts';
import { HoldUnavailableError, PoolClosedError, PoolNotOpenError } from './errors.ts';
import { Feed } from './feed.ts';
import { healthCheckOf } from './health-check.ts';
import {
  type Catalogue,
  catalogueOf,
  checkCounted,
  checkHold,
  checkId,
  checkMs,
  checkName,
  checkToken,
  checkUnits,
  listStock,
  packItems,
} from './input.ts';
import { Journal } from './journal.ts';
import { Link } from './link.ts';
import { Maintenance } from './maintenance.ts';
import { type HoldPoolOptions, readSettings, type Settings } from './options.ts';
import { Recovery } from './recovery.ts';
import { PoolScripts } from './redis.ts';
import { entryOf, holdOf, holdResultOf, stateOf } from './results.ts';
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
  Item,
  ReleaseResult,
  ReplaceResult,
  Stock,
  TotalResult,
  Verification,
} from './types.ts';
import { snapshotOf } from './verify.ts';

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
  readonly #feed: Feed;
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
  #listening = false;
  #closed = false;

  /** @throws RangeError or TypeError when an option is wrong. */
  constructor(options: HoldPoolOptions) {
    this.#settings = readSettings(options);
    this.pool = checkName('pool', options.pool);
    this.#store = options.store;
    const onFault = (error: unknown) => this.#emitter.emit('fault', error);
    const scripts = new PoolScripts(options.redis, this.pool, SLOW_CALL_MS);
    this.#journal = new Journal(this.#store, this.pool, onFault);
    this.#link = new Link(scripts, this.pool, this.#settings, (belief) =>
      this.#recovery.recover(belief),
    );
    this.#context = {
      pool: this.pool,
      store: this.#store,
      link: this.#link,
      journal: this.#journal,
      settings: this.#settings,
      suspect: (lostId) => this.#recovery.suspect(lostId),
      onFault,
    };
    const onRebuilt = (epoch: number) => this.#emitter.emit('rebuilt', { epoch });
    this.#recovery = new Recovery({ ...this.#context, scripts, onRebuilt });
    this.#maintenance = new Maintenance(
      this.#link,
      this.#settings.maintainEveryMs,
      async (id) => void (await settleHold(this.#context, id)),
      (until) => this.#store.trimJournal(this.pool, until - this.#settings.graceMs),
      onFault,
    );
    const position = async () => (await this.available()).seq;
    this.#feed = new Feed(options.redis, this.pool, position, this.#emitter);
    this.#link.onMore = () => this.#maintenance.soon();
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
    const answer = await this.#grant(['hold', id, holder, items], request.signal);
    return holdResultOf(id, answer);
  }

  /**
   * Swaps the items of a pending hold in one step: it has the new ones, or a refusal and still the
   * old ones. Its times stay; the answer's `hold` has a new token, and the one given is worth nothing.
   *
   * @throws HoldInputError, HoldUnavailableError
   */
  async replace(
    hold: Hold,
    items: readonly Item[],
    options: { signal?: AbortSignal } = {},
  ): Promise<ReplaceResult> {
    const catalogue = await this.#ready();
    const { id, token } = checkHold(hold);
    const packed = packItems(items, catalogue);
    const answer = await this.#grant(['replace', id, token, packed], options.signal);
    if (answer.result[0] === 'state')
      return { status: stateOf(answer.result[1]) as Exclude<HoldState, 'pending'> };
    return holdResultOf(id, answer) as ReplaceResult;
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
    this.#journal.grant(entryOf(id, answer));
    return { status: 'held', hold: holdOf(id, answer) };
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
    return releaseHold(this.#context, id, token, options.signal);
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
   * there if and only if the sale is. What it does outside of `tx` may happen more than once, because
   * a transaction that is rolled back is tried again.
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
    const known = { id, token, expiresAt: hold.expiresAt };
    return commitHold(this.#context, known, work, options.signal);
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

  /**
   * Changes how many units of a SKU there are, during the sale too; not for named seats. Never below
   * what is held and sold: `too_low` says how many that is.
   *
   * @throws HoldInputError, HoldUnavailableError; the same call again completes it
   */
  async setTotal(sku: string, total: number): Promise<TotalResult> {
    const catalogue = await this.#ready();
    checkCounted(sku, catalogue);
    return changeTotal(this.#context, sku, checkUnits('total', total, 0));
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
    if (event === 'change' || event === 'expired' || event === 'gap') {
      this.#listening = true;
      this.#listen();
    }
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
    await this.#feed.start();
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
    return healthCheckOf(this, this.#store);
  }

  /** Stops timers and feed and writes the journal; what is held stays held. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#feed.close();
    this.#link.close();
    await this.#maintenance.close();
    await this.#journal.close();
    this.#emitter.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Starts the feed; for a pool that is not open yet, `#adopt` does it. */
  #listen(): void {
    this.subscribe().catch((error) => {
      if (!(error instanceof PoolNotOpenError)) this.#emitter.emit('fault', error);
    });
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
    if (this.#listening) this.#listen();
    return this.#catalogue;
  }

  /** A request that may be granted; a SKU that is unknown to Redis alone means lost data. */
  async #grant(parts: readonly string[], signal?: AbortSignal): Promise<Answer> {
    let answer = await this.#link.request(parts, signal);
    if (answer.result[0] === 'unknown') {
      await this.#recovery.suspect();
      answer = await this.#link.request(parts, signal);
      if (answer.result[0] === 'unknown')
        throw new HoldUnavailableError('redis', `Redis does not know ${answer.result[1]}`);
    }
    if (answer.result[0] === 'held' && answer.result[4] === 0)
      this.#journal.grant(entryOf(parts[1] as string, answer));
    return answer;
  }

  async #setPaused(paused: boolean): Promise<void> {
    await this.#ready();
    await this.#store.setPaused(this.pool, paused);
    await this.#link.request(['pause', paused ? 1 : 0]);
  }
}
