import { setTimeout as delay } from 'node:timers/promises';
import type { LogEntry } from './local-tier.ts';
import { isNewer, type LogId, START } from './log-id.ts';
import type { LogConnection, RedisLike } from './redis-like.ts';

const BATCH = 1_000;
const BLOCK_MS = 500;
const SLACK_MS = 1_500;
const FIRST_WAIT_MS = 50;
const LAST_WAIT_MS = 1_000;

/** What a follower tells. */
export interface FollowerEvents {
  /** It stands at `cursor` for the first time. */
  follow(cursor: LogId, cleared: LogId): void;
  heard(entry: LogEntry): void;
  /** The end of a batch of so many entries, or of the search for its place. */
  reached(entries: number): void;
  /** Entries between `from` and `to` were missed; `reset` when the log is another one than before. */
  missed(from: LogId, to: LogId, cleared: LogId, reset: boolean): void;
}

interface Waiter {
  readonly id: LogId;
  readonly wake: () => void;
}

/**
 * Follows the log on the replica that this process reads, over a connection of its own: there a
 * change arrives together with the data it speaks of. After a disconnect it goes on where it was;
 * each entry names the one before, so that a missed one is noticed whatever the reason.
 */
export class Follower {
  readonly #near: RedisLike;
  readonly #logKey: string;
  readonly #genKey: string;
  readonly #events: FollowerEvents;
  readonly #waiters = new Set<Waiter>();
  #cursor: LogId | undefined;
  #connection: LogConnection | undefined;
  #running: Promise<void> | undefined;
  #failures = 0;
  readonly #closing = new AbortController();

  constructor(near: RedisLike, logKey: string, genKey: string, events: FollowerEvents) {
    this.#near = near;
    this.#logKey = logKey;
    this.#genKey = genKey;
    this.#events = events;
  }

  /** It reads the log, or tries to, from now on. Again: nothing. */
  start(): void {
    this.#running ??= this.#run();
  }

  get started(): boolean {
    return this.#running !== undefined;
  }

  /** It has found its place in the log and has not lost the connection since. */
  get following(): boolean {
    return this.#cursor !== undefined && this.#failures === 0;
  }

  /** Whether near comes to have everything up to `id` within the time. */
  async reaches(id: LogId, withinMs: number): Promise<boolean> {
    if (this.#has(id)) return true;
    await new Promise<void>((resolve) => {
      const waiter = { id, wake: () => end() };
      const timer = setTimeout(() => end(), withinMs);
      const end = () => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve();
      };
      this.#waiters.add(waiter);
    });
    return this.#has(id);
  }

  #has(id: LogId): boolean {
    return this.#cursor !== undefined && !isNewer(id, this.#cursor);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#connection?.disconnect();
    for (const waiter of this.#waiters) waiter.wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#follow();
      } catch {
        // the tier's own calls report that near is down; here it is only tried again
      }
      this.#connection?.disconnect();
      const waitMs = Math.min(FIRST_WAIT_MS * 2 ** this.#failures, LAST_WAIT_MS);
      this.#failures = Math.min(this.#failures + 1, 10);
      await delay(waitMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #follow(): Promise<void> {
    const connection = duplicateOf(this.#near);
    this.#connection = connection;
    connection.on('error', () => {}); // without a listener the client prints it
    await this.#findPlace(connection, false);
    this.#failures = 0;
    while (!this.#closing.signal.aborted) {
      const cursor = this.#cursor as LogId;
      const reading = connection.xread(
        'COUNT',
        BATCH,
        'BLOCK',
        BLOCK_MS,
        'STREAMS',
        this.#logKey,
        cursor,
      );
      const entries = entriesOf(await within(reading, BLOCK_MS + SLACK_MS));
      // of a log that was lost and begun anew by a clock that is behind, nothing is ever newer
      if (entries.length === 0) await this.#findPlace(connection, false);
      else if (!this.#take(entries)) await this.#findPlace(connection, true);
    }
  }

  /** Gives `false` when an entry was missed. */
  #take(entries: readonly LogEntry[]): boolean {
    let complete = true;
    for (const entry of entries) {
      complete = entry.previous === this.#cursor;
      if (!complete) break;
      this.#events.heard(entry);
      this.#cursor = entry.id;
    }
    this.#reached(entries.length);
    return complete;
  }

  /** Where to go on: where we were, or at the end of the log when there is no way on from there. */
  async #findPlace(connection: LogConnection, missed: boolean): Promise<void> {
    const newest = await within(
      connection.xrevrange(this.#logKey, '+', '-', 'COUNT', 1),
      BLOCK_MS + SLACK_MS,
    );
    const end = (newest as [string, unknown][])[0]?.[0] ?? START;
    const cleared = (await within(connection.get(this.#genKey), BLOCK_MS + SLACK_MS)) ?? START;
    if (this.#closing.signal.aborted) return;
    const from = this.#cursor;
    if (from === undefined) {
      this.#cursor = end;
      this.#events.follow(end, cleared);
    } else if (missed || isNewer(from, end)) {
      this.#cursor = end;
      this.#events.missed(from, end, cleared, isNewer(from, end));
    } else return;
    this.#reached(0);
  }

  #reached(entries: number): void {
    this.#events.reached(entries);
    for (const waiter of this.#waiters) if (this.#has(waiter.id)) waiter.wake();
  }
}

/** A connection for a read that blocks: the caller's time-outs are for calls that do not. */
function duplicateOf(near: RedisLike): LogConnection {
  const override = {
    enableOfflineQueue: true,
    commandTimeout: undefined,
    socketTimeout: undefined,
  };
  if (!near.isCluster) return near.duplicate(override);
  const { redisOptions } = near.options as { redisOptions?: object };
  return near.duplicate([], { redisOptions: { ...redisOptions, ...override } });
}

/**
 * The entries in a reply of XREAD. It is `[[key, entries]]` by RESP2; by RESP3 a map, which clients
 * hand over flat, `[key, entries]`, or as an object.
 */
function entriesOf(reply: unknown): LogEntry[] {
  if (reply === null || reply === undefined) return [];
  let entries: unknown;
  if (!Array.isArray(reply)) entries = Object.values(reply)[0];
  else entries = Array.isArray(reply[0]) ? reply[0][1] : reply[1];
  return (entries as [LogId, string[]][]).map(([id, fields]) => {
    const [, previous = '', , op = '', , key = ''] = fields;
    return { id, previous, op, key };
  });
}

/** Rejects when there is no answer in time: the connection may be dead without knowing it. */
function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`No answer within ${ms} ms`)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
