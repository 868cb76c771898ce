import { changeTotal } from './capacity.ts';
import { commitHold, releaseHold, returnHold } from './commit.ts';
import type { PoolSnapshot } from './counters.ts';
import type { HoldPoolEvents } from './emitter.ts';
import { healthCheckOf } from './health-check.ts';
import {
  checkCounted,
  checkFlag,
  checkHold,
  checkId,
  checkMs,
  checkToken,
  checkUnits,
  packItems,
} from './input.ts';
import type { HoldPoolOptions } from './options.ts';
import { PoolCore } from './pool-core.ts';
import { holdOf, holdResultOf, stateOf } from './results.ts';
import { listStock } from './stock.ts';
import type { Transaction } from './store.ts';
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
  OnProgress,
  ReleaseResult,
  ReplaceResult,
  ReturnResult,
  Stock,
  TotalResult,
  Verification,
} from './types.ts';
import { snapshotOf } from './verify.ts';

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
  readonly #core: PoolCore;

  /** @throws RangeError or TypeError when an option is wrong. */
  constructor(options: HoldPoolOptions) {
    this.#core = new PoolCore(options, async () => (await this.available()).seq);
    this.pool = this.#core.pool;
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
    this.#core.throwIfClosed();
    this.#core.adopt(await this.#core.store.open(this.pool, lines));
    await this.#core.link.unbounded(['work']); // fills the board when it is empty
  }

  /**
   * Takes the items for `ttlMs`, all or nothing; with `partial` what there is, with `queue` a place on
   * the waiting list when they are sold out.
   *
   * @throws HoldInputError when the request is wrong; nothing was sent
   * @throws HoldUnavailableError when Redis did not answer in time; ask again with the same id
   * @throws PoolNotOpenError when nobody has opened the pool
   */
  async hold(request: HoldRequest): Promise<HoldResult> {
    const catalogue = this.#core.catalogue ?? (await this.#core.ready());
    const id = checkId('id', request?.id);
    const holder = checkId('holder', request.holder);
    const items = packItems(request.items, catalogue);
    const flags = `${checkFlag('partial', request.partial) ? 'p' : ''}${checkFlag('queue', request.queue) ? 'q' : ''}`;
    const asked = ['hold', id, holder, items, flags];
    let answer = await this.#core.link.request(asked, request.signal);
    if (answer.result[0] !== 'sold_out')
      answer = await this.#core.granted(asked, answer, request.signal);
    return this.#core.counters.held(id, holdResultOf(id, answer));
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
    const catalogue = this.#core.catalogue ?? (await this.#core.ready());
    const { id, token } = checkHold(hold);
    const packed = packItems(items, catalogue);
    const asked = ['replace', id, token, packed];
    const answer = await this.#core.granted(
      asked,
      await this.#core.link.request(asked, options.signal),
      options.signal,
    );
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
    const forMs = checkMs('forMs', options?.forMs, this.#core.settings.maxHoldMs);
    if (this.#core.catalogue === null) await this.#core.ready();
    const answer = await this.#core.link.request(['extend', id, token, forMs], options.signal);
    if (answer.result[0] !== 'held')
      return { status: stateOf(answer.result[1]) as Exclude<HoldState, 'pending'> };
    this.#core.journal(id, answer.result);
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
    if (this.#core.catalogue === null) await this.#core.ready();
    return releaseHold(this.#core.context, id, token, options.signal);
  }

  /** The hold of this id and where it stands, of a waiter its position; null when it was never granted or is forgotten. */
  async get(
    id: string,
    options: { signal?: AbortSignal } = {},
  ): Promise<(Hold & { state: HoldState; position?: number }) | null> {
    checkId('id', id);
    if (this.#core.catalogue === null) await this.#core.ready();
    const answer = await this.#core.link.request(['get', id], options.signal);
    if (answer.result[0] === 'none') return null;
    const found = { ...holdOf(id, answer), state: stateOf(answer.result[1]) };
    return found.state === 'queued' ? { ...found, position: Number(answer.result[7]) } : found;
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
    if (this.#core.catalogue === null) await this.#core.ready();
    const known = { id, token, expiresAt: hold.expiresAt };
    return this.#core.counters.committed(
      id,
      await commitHold(this.#core.context, known, work, options.signal),
    );
  }

  /**
   * Takes a sale back, with the caller's rows (a refund, say) in the transaction that decides. Units
   * and seats are free again, for those who wait first. Idempotent; by id, for a buyer comes back
   * when the hold is long forgotten.
   *
   * @throws what `work` throws; nothing is decided then, and the units stay sold
   * @throws HoldInputError, HoldUnavailableError; return again
   */
  async return(
    hold: HoldReference,
    work: (tx: Transaction) => Promise<void>,
    options: { signal?: AbortSignal } = {},
  ): Promise<ReturnResult> {
    const id = checkId('id', hold?.id);
    if (this.#core.catalogue === null) await this.#core.ready();
    const result = await returnHold(this.#core.context, id, work, options.signal);
    return this.#core.counters.returned(id, result);
  }

  /**
   * What is free, held and sold of each SKU, and with `seats` the state of each named seat. O(SKUs),
   * with `seats` O(seats).
   */
  async available(
    options: { seats?: boolean; signal?: AbortSignal } = {},
  ): Promise<AvailabilitySnapshot> {
    const catalogue = this.#core.catalogue ?? (await this.#core.ready());
    const seats = options.seats === true;
    const look = () => this.#core.link.request(['look', seats ? 1 : 0], options.signal);
    let answer = await look();
    if (answer.more) {
      await this.#core.maintenance.run(); // due holds count as free, so give them back first
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
    const catalogue = this.#core.catalogue ?? (await this.#core.ready());
    checkCounted(sku, catalogue);
    return changeTotal(this.#core.context, sku, checkUnits('total', total, 0));
  }

  /** Stops granting in every process (`closed`); what is held can still be bought. */
  pause(): Promise<void> {
    return this.#setPaused(true);
  }

  /** Grants again, to those who wait first. */
  resume(): Promise<void> {
    return this.#setPaused(false);
  }

  /**
   * Listens. The first listener to `change`, `expired` or `gap` starts the feed, on a connection of
   * its own; await `subscribe()` to know that it runs.
   */
  on<E extends keyof HoldPoolEvents>(event: E, listener: (value: HoldPoolEvents[E]) => void): this {
    this.#core.on(event, listener);
    return this;
  }

  off<E extends keyof HoldPoolEvents>(
    event: E,
    listener: (value: HoldPoolEvents[E]) => void,
  ): this {
    this.#core.off(event, listener);
    return this;
  }

  /** Starts the feed; resolves when every later change will be told. Idempotent. */
  subscribe(): Promise<void> {
    return this.#core.subscribe();
  }

  /**
   * Does now what every process does every `maintainEveryMs`: expires what is due, settles commits
   * whose deadline has passed.
   */
  async maintain(): Promise<void> {
    if (this.#core.catalogue === null) await this.#core.ready();
    await this.#core.maintenance.run();
  }

  /**
   * Compares Redis with itself and with PostgreSQL; `ok` when nothing differs. Reads every open hold
   * and every sale: for operators and tests, not for each request.
   */
  async verify(options: { onProgress?: OnProgress } = {}): Promise<Verification> {
    if (this.#core.catalogue === null) await this.#core.ready();
    const differences = await this.#core.recovery.differences(options.onProgress);
    return { ok: differences.length === 0, differences };
  }

  /** Fills Redis again from PostgreSQL, under a new epoch, whatever it holds now. */
  async rebuild(options: { onProgress?: OnProgress } = {}): Promise<void> {
    if (this.#core.catalogue === null) await this.#core.ready();
    await this.#core.recovery.force(options.onProgress);
  }

  /** What this process has answered, and on which board the pool is. Nothing is asked for it. */
  snapshot(): PoolSnapshot {
    return this.#core.counters.snapshot(this.#core.link.where);
  }

  /** For @evenkeel/health: well when Redis and PostgreSQL answer. */
  healthCheck(): { name: string; check(signal: AbortSignal): Promise<unknown> } {
    return healthCheckOf(this, this.#core.store);
  }

  /** Stops timers and feed and writes the journal; what is held stays held. Idempotent. */
  close(): Promise<void> {
    return this.#core.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #setPaused(paused: boolean): Promise<void> {
    if (this.#core.catalogue === null) await this.#core.ready();
    await this.#core.store.setPaused(this.pool, paused);
    await this.#core.link.request(['pause', paused ? 1 : 0]);
  }
}
