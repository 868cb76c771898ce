import { channel } from 'node:diagnostics_channel';
import { setTimeout as wait } from 'node:timers/promises';
import { knownOptions } from '../known-options.ts';
import { errorText } from '../redact.ts';
import { SafeEmitter } from '../safe-emitter.ts';
import { FallbackFullError, RolledBackError, StalePrimaryError } from './errors.ts';
import { LagMeter } from './lag-meter.ts';
import type { PgQueries } from './pg-like.ts';
import { PgSession, type Routed } from './pg-session.ts';
import { type PoolerWarning, poolerHazards } from './pooler-hazards.ts';
import { covers, fromToken, type Position } from './position.ts';
import { Replica, Watch } from './replica.ts';
import {
  type ReadOptions,
  type ReadWriteRouterOptions,
  type RouterSettings,
  toBegin,
  toRouterSettings,
  type WriteOptions,
} from './router-options.ts';
import { isReplayConflict, isServerGone } from './server-gone.ts';
import { Transaction } from './transaction.ts';

/** A replica was taken out of use, or is in use again. */
export interface ReplicaChange {
  readonly name: string;
  readonly to: 'serving' | 'ejected';
  /** Why it was ejected. */
  readonly reason?: string;
}

/** The events of a ReadWriteRouter; `replica` is also published on the channel `evenkeel:health:replica`. */
export interface ReadWriteEvents {
  replica: ReplicaChange;
  /** A query that a pooler in transaction mode does not carry well; each code once. */
  warning: PoolerWarning;
}

/** What is known of one replica. */
export interface ReplicaReport {
  readonly name: string;
  readonly isServing: boolean;
  /** How far behind at the last look; undefined before that, or when it cannot be asked. */
  readonly lagMs?: number;
  readonly reason?: string;
}

/** What is known now, without asking anybody. */
export interface ReadWriteSnapshot {
  readonly replicas: readonly ReplicaReport[];
  /** Reads ever served by a replica and by the primary, replicas that were too far behind for a read, reads refused. */
  readonly reads: {
    readonly replica: number;
    readonly primary: number;
    readonly behind: number;
    readonly refused: number;
  };
  /** Reads that are at the primary now because no replica could serve them. */
  readonly fallbacks: number;
}

const replicaChannel = channel('evenkeel:health:replica');
const POLL_MS = 3;
// Whatever the default of the role: any other level takes its snapshot before the replica says where it is.
const BEGIN_READ = 'begin isolation level read committed read only';
const BEHIND = Symbol('the replica does not have the write yet');

/**
 * Sends reads to replicas and writes to the primary, by what the caller says and not by what the SQL looks like, and
 * never lets a session read older than its own last write.
 *
 * A write gives a token: where the log of which timeline ended after its commit. A read with a token begins a read-only
 * transaction on a replica and asks *on that connection* how far it has replayed. If that covers the token, the read
 * follows in the same transaction, as later statements, whose snapshots are taken after the answer. If not, it asks
 * again for `waitMs`, then goes to the primary.
 *
 * With the same question in one statement, or in REPEATABLE READ, the snapshot would be older than the answer.
 * The replicas are looked at from the first call on, over one connection of its own to each server, until `close()`.
 */
export class ReadWriteRouter {
  readonly #settings: RouterSettings;
  readonly #primaryWatch: Watch;
  readonly #replicas: readonly Replica[];
  readonly #meter = new LagMeter();
  readonly #events = new SafeEmitter<ReadWriteEvents>();
  readonly #warned = new Set<string>();
  readonly #count = { replica: 0, primary: 0, behind: 0, refused: 0 };
  #isClosed = false;
  #cancelLook: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<unknown> | undefined;
  #fallbacks = 0;
  #turn = 0;

  /** @throws TypeError or RangeError naming field, rule and value when an option is wrong. */
  constructor(options: ReadWriteRouterOptions) {
    const settings = toRouterSettings(options);
    this.#settings = settings;
    this.#primaryWatch = new Watch('primary', settings.primary);
    this.#replicas = settings.replicas.map((pool, index) => {
      const name = `replica-${index + 1}`;
      return new Replica(name, pool, settings.ejection, (one) => this.#tell(one));
    });
  }

  /**
   * Runs queries that only read, in a read-only transaction on a replica, or on the primary when none can serve it. Each
   * statement sees its own moment (READ COMMITTED). When its replica goes away meanwhile, `run` is called again elsewhere.
   * @throws FallbackFullError when no replica can serve it and the primary is busy with such reads,
   * @throws StalePrimaryError when the primary it would go to is none, or older than the token;
   * @throws RangeError when `after` is no token; and whatever `run` throws.
   */
  async read<T>(run: (db: PgQueries) => Promise<T>, options: ReadOptions = {}): Promise<T> {
    const { after } = knownOptions(options, { after: true });
    const position = after === undefined ? undefined : fromToken('after', after);
    return (await this.#read(run, position)).value;
  }

  /**
   * Runs queries in a transaction on the primary and commits. `run` is called once; what it throws rolls back.
   * A failure of the commit itself leaves the outcome unknown, as always.
   * @throws RolledBackError when a statement had failed and `run` went on all the same; and whatever `run` throws.
   */
  async write<T>(run: (db: PgQueries) => Promise<T>, options: WriteOptions = {}): Promise<T> {
    return (await this.#write(run, undefined, options, () => undefined)).value;
  }

  /**
   * Reads and writes of one visitor, whose reads are no older than its writes; `token` is what its last request had.
   * @throws RangeError when it is no token.
   */
  session(token?: string): PgSession {
    const routes = { read: this.#read.bind(this), write: this.#write.bind(this) };
    return new PgSession(routes, token === undefined ? undefined : fromToken('token', token));
  }

  /** What is known at this moment. Asks nobody. */
  snapshot(): ReadWriteSnapshot {
    return {
      replicas: this.#replicas.map(({ name, state }) => ({
        name,
        isServing: state.kind === 'serving',
        ...(state.lagMs !== undefined && { lagMs: state.lagMs }),
        ...(state.kind === 'ejected' && { reason: state.reason }),
      })),
      reads: { ...this.#count },
      fallbacks: this.#fallbacks,
    };
  }

  /** Calls `listener` at each event; the function that comes back takes it off. A throwing listener harms nobody. */
  on<Name extends keyof ReadWriteEvents>(
    name: Name,
    listener: (payload: ReadWriteEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  /** Stops looking and closes the connections for it; the pools stay as they are. Calls after it still work. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#cancelLook?.();
    await this.#looking;
    await Promise.allSettled([this.#primaryWatch, ...this.#replicas].map((one) => one.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #read<T>(
    run: (db: PgQueries) => Promise<T>,
    after: Position | undefined,
  ): Promise<Routed<T>> {
    this.#watchReplicas();
    for (const replica of this.#inTurn()) {
      try {
        const value = await this.#readAt(replica, run, after);
        if (value === BEHIND) {
          this.#count.behind++;
          break; // the next one is hardly further; the primary certainly is
        }
        this.#count.replica++;
        return { value, position: undefined };
      } catch (error) {
        if (isServerGone(error)) replica.observe({ trouble: errorText(error) });
        else if (!isReplayConflict(error)) throw error;
      }
    }
    if (this.#replicas.length === 0) return this.#readAtPrimary(run, after);
    if (this.#fallbacks >= this.#settings.maxFallbacks) {
      this.#count.refused++;
      throw new FallbackFullError(this.#settings.maxFallbacks);
    }
    this.#fallbacks++;
    try {
      return await this.#readAtPrimary(run, after);
    } finally {
      this.#fallbacks--;
    }
  }

  /** The replicas in use, each one first in its turn. */
  #inTurn(): Replica[] {
    const serving = this.#replicas.filter(({ state }) => state.kind === 'serving');
    const first = serving.length === 0 ? 0 : this.#turn++ % serving.length;
    return [...serving.slice(first), ...serving.slice(0, first)];
  }

  #readAt<T>(
    replica: Replica,
    run: (db: PgQueries) => Promise<T>,
    after: Position | undefined,
  ): Promise<T | typeof BEHIND> {
    return Transaction.run(replica.pool, BEGIN_READ, this.#settings.openMs, async (transaction) => {
      if (!transaction.state.isStandby) {
        replica.observe({ trouble: 'it is a primary, not a replica' });
        return BEHIND;
      }
      if (after !== undefined && !(await this.#catchesUp(transaction, after))) return BEHIND;
      const value = await run(this.#queriesOf(transaction));
      await transaction.commit();
      return value;
    });
  }

  async #catchesUp(transaction: Transaction, after: Position): Promise<boolean> {
    const deadline = this.#settings.clock() + this.#settings.waitMs;
    while (!covers(transaction.state, after)) {
      // On another timeline the numbers mean nothing, and waiting does not change that.
      if (transaction.state.timeline !== after.timeline) return false;
      if (this.#settings.clock() >= deadline) return false;
      await wait(POLL_MS);
      await transaction.refresh();
    }
    return true;
  }

  #readAtPrimary<T>(
    run: (db: PgQueries) => Promise<T>,
    after: Position | undefined,
  ): Promise<Routed<T>> {
    return Transaction.run(this.#settings.primary, BEGIN_READ, undefined, async (transaction) => {
      const { state } = transaction;
      // Without a token a standby is as good as any: while a new primary is being found, reads go on.
      if (after !== undefined) requirePrimary(transaction, after);
      const value = await run(this.#queriesOf(transaction));
      await transaction.commit();
      this.#count.primary++;
      // Of an older timeline, of a commit nobody knows about, or ahead of all that exists: the session goes on from here.
      const isOutdated = after !== undefined && !covers(state, after);
      const isOlder = after !== undefined && after.timeline !== state.timeline;
      return { value, position: isOutdated || isOlder ? state : undefined };
    });
  }

  #write<T>(
    run: (db: PgQueries) => Promise<T>,
    after: Position | undefined,
    options: WriteOptions,
    onCommit: () => void,
  ): Promise<Routed<T>> {
    this.#watchReplicas();
    return Transaction.run(
      this.#settings.primary,
      toBegin(options),
      undefined,
      async (transaction) => {
        requirePrimary(transaction, after);
        const value = await run(this.#queriesOf(transaction));
        onCommit();
        const position = await transaction.commitAndLook();
        if (position === undefined) throw new RolledBackError();
        return { value, position };
      },
    );
  }

  #queriesOf(transaction: Transaction): PgQueries {
    const { announcedBackend, state } = transaction;
    // A pooler announces itself; PostgreSQL says who serves.
    const isPooled = typeof announcedBackend === 'number' && announcedBackend !== state.backend;
    if (!isPooled) return transaction.queries(undefined);
    return transaction.queries((query) => {
      for (const warning of poolerHazards(query)) {
        if (this.#warned.has(warning.code)) continue;
        this.#warned.add(warning.code);
        this.#events.emit('warning', warning);
      }
    });
  }

  #watchReplicas(): void {
    if (this.#timer !== undefined || this.#replicas.length === 0) return;
    if (this.#isClosed) return;
    const look = () => {
      this.#looking ??= this.#lookAround().finally(() => {
        this.#looking = undefined;
      });
    };
    this.#timer = setInterval(look, this.#settings.watchMs);
    this.#timer.unref();
    look();
  }

  /** The primary first: a replica is compared with where the primary was before. */
  async #lookAround(): Promise<void> {
    try {
      const state = await this.#within((signal) => this.#primaryWatch.look(signal));
      if (!state.isStandby) this.#meter.mark(state, this.#settings.clock());
    } catch {
      // Nothing is written to a primary that is away: what the replicas have is all there is.
    }
    if (this.#isClosed) return;
    await this.#within((signal) =>
      Promise.all(
        this.#replicas.map((one) => one.watch(this.#meter, this.#settings.clock, signal)),
      ),
    );
  }

  async #within<T>(look: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const abort = () => controller.abort(new Error(`no answer within ${this.#settings.openMs} ms`));
    const timer = setTimeout(abort, this.#settings.openMs);
    this.#cancelLook = abort;
    try {
      return await look(controller.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  #tell({ name, state }: Replica): void {
    if (this.#isClosed) return;
    const change: ReplicaChange = {
      name,
      to: state.kind,
      ...(state.kind === 'ejected' && { reason: state.reason }),
    };
    this.#events.emit('replica', change);
    if (replicaChannel.hasSubscribers) replicaChannel.publish(change);
  }
}

/** What was written on a newer timeline is not on an older one, and never will be. */
function requirePrimary({ state }: Transaction, after: Position | undefined): void {
  if (state.isStandby)
    throw new StalePrimaryError('the server connected as the primary is a standby');
  if (after !== undefined && after.timeline > state.timeline) {
    throw new StalePrimaryError(
      `the primary is on timeline ${state.timeline}, the token on ${after.timeline}`,
    );
  }
}
