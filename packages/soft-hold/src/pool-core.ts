import type { Answer } from './batcher.ts';
import type { BoardRequest } from './board.ts';
import { publish } from './channels.ts';
import { type CommitContext, settleHold } from './commit.ts';
import { Counters } from './counters.ts';
import { type HoldPoolEvents, SafeEmitter } from './emitter.ts';
import { HoldUnavailableError, PoolClosedError, PoolNotOpenError } from './errors.ts';
import { Fallback } from './fallback.ts';
import { Feed } from './feed.ts';
import { checkName } from './input.ts';
import { Journal } from './journal.ts';
import { Link } from './link.ts';
import { Maintenance } from './maintenance.ts';
import { type HoldPoolOptions, readSettings, type Settings } from './options.ts';
import { Recovery } from './recovery.ts';
import { RedisBoard } from './redis.ts';
import { entryOf } from './results.ts';
import { type Catalogue, catalogueOf } from './stock.ts';
import type { HoldStore, StoredPool } from './store.ts';

const SLOW_CALL_MS = 10_000;

/** The parts of a pool, put together, and whether it is known, open and listened to. */
export class PoolCore {
  readonly pool: string;
  readonly store: HoldStore;
  readonly settings: Settings;
  readonly link: Link;
  readonly recovery: Recovery;
  readonly maintenance: Maintenance;
  readonly context: CommitContext;
  readonly counters: Counters;
  readonly #feed: Feed;
  readonly #journal: Journal;
  readonly #fallback: Fallback;
  readonly #emitter = new SafeEmitter();
  #catalogue: Catalogue | null = null;
  #loading: Promise<Catalogue> | null = null;
  #listening = false;
  #closed = false;

  /** @param position where the pool stands, for the feed to go on from */
  constructor(options: HoldPoolOptions, position: () => Promise<number>) {
    const settings = readSettings(options);
    const pool = checkName('pool', options.pool);
    const { store } = options;
    this.settings = settings;
    this.pool = pool;
    this.store = store;
    this.counters = new Counters(pool);
    const onError = (error: unknown) => this.#emit('fault', error);
    const redis = options.redis ? new RedisBoard(options.redis, pool, SLOW_CALL_MS) : null;
    const boards = { redis, store: store.board(pool) };
    const journal = new Journal(store, pool, onError);
    const link = new Link(boards, pool, settings, (belief) => this.recovery.recover(belief));
    const suspect = (lostId?: string) => this.recovery.suspect(lostId);
    this.#journal = journal;
    this.link = link;
    this.context = { pool, store, link, journal, settings, suspect, onFault: onError };
    this.recovery = new Recovery({
      ...this.context,
      redis,
      onRebuilt: (where) => this.#emit('rebuilt', where),
    });
    this.#fallback = new Fallback({
      ...{ settings: settings.fallback, pool, store, link },
      ...{ recovery: this.recovery, onError },
    });
    this.maintenance = new Maintenance(
      link,
      settings.maintainEveryMs,
      async (id) => void (await settleHold(this.context, id)),
      (until) => store.trimJournal(pool, until - settings.graceMs),
      () => this.#fallback.look(),
      onError,
    );
    this.#feed = new Feed(
      () => link.board,
      position,
      (event, value) => this.#emit(event, value),
    );
    link.onMore = () => this.maintenance.soon();
    link.onPromoted = (promoted) => {
      for (const [id, ...rest] of promoted)
        this.journal(String(id), ['held', ...rest.slice(0, 3), 0, ...rest.slice(3)]);
    };
    link.onAnswer = (answered) => this.#fallback.heard(answered);
  }

  throwIfClosed(): void {
    if (this.#closed) throw new PoolClosedError(this.pool);
  }

  /** What the pool sells; null until it is known. */
  get catalogue(): Catalogue | null {
    return this.#catalogue;
  }

  async ready(): Promise<Catalogue> {
    return this.#catalogue ?? (await this.#load());
  }

  adopt(stored: StoredPool): Catalogue {
    this.link.adopt(stored);
    this.#catalogue = catalogueOf(stored.stock);
    this.maintenance.start();
    if (this.#listening) this.#listen();
    return this.#catalogue;
  }

  /**
   * What the answer to a hold or replace asks for: a new hold is written down. A SKU that is unknown
   * to the board alone means lost data, so the request is made once more when that is repaired.
   */
  granted(request: BoardRequest, answer: Answer, signal?: AbortSignal): Answer | Promise<Answer> {
    const { result } = answer;
    if (result[0] === 'unknown') return this.#grantAfterLoss(request, signal);
    if (result[0] === 'held' && result[4] === 0) this.journal(request[1] as string, result);
    return answer;
  }

  async #grantAfterLoss(request: BoardRequest, signal?: AbortSignal): Promise<Answer> {
    await this.recovery.suspect();
    const answer = await this.link.request(request, signal);
    if (answer.result[0] === 'unknown')
      throw new HoldUnavailableError('redis', `Redis does not know ${answer.result[1]}`);
    return this.granted(request, answer);
  }

  /** Writes a granted or extended hold down; the store's own board is its own journal. */
  journal(id: string, result: unknown[]): void {
    if (this.link.where.board === 'redis') this.#journal.grant(entryOf(id, result));
  }

  on<E extends keyof HoldPoolEvents>(event: E, listener: (value: HoldPoolEvents[E]) => void): void {
    this.#emitter.on(event, listener);
    if (event === 'rebuilt' || event === 'fault') return;
    this.#listening = true;
    this.#listen();
  }

  off<E extends keyof HoldPoolEvents>(
    event: E,
    listener: (value: HoldPoolEvents[E]) => void,
  ): void {
    this.#emitter.off(event, listener);
  }

  async subscribe(): Promise<void> {
    this.throwIfClosed();
    await this.#feed.start();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#feed.close();
    this.link.close();
    await this.maintenance.close();
    await this.#fallback.close();
    await this.#journal.close();
    this.#emitter.clear();
  }

  #emit<E extends keyof HoldPoolEvents>(event: E, value: HoldPoolEvents[E]): void {
    if (event === 'rebuilt') this.counters.rebuilds++;
    if (event === 'fault') this.counters.faults++;
    publish(event, () => ({
      pool: this.pool,
      ...(event === 'fault' ? { error: value } : (value as object)),
    }));
    this.#emitter.emit(event, value);
  }

  /** Starts the feed; for a pool that is not open yet, `adopt` does it. */
  #listen(): void {
    this.subscribe().catch((error) => {
      if (!(error instanceof PoolNotOpenError)) this.#emit('fault', error);
    });
  }

  #load(): Promise<Catalogue> {
    this.#loading ??= this.store
      .find(this.pool)
      .then((stored) => {
        this.throwIfClosed();
        if (stored === null) throw new PoolNotOpenError(this.pool);
        return this.adopt(stored);
      })
      .finally(() => {
        this.#loading = null;
      });
    return this.#loading;
  }
}
