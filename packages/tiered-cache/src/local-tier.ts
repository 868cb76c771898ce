import { LRUCache } from 'lru-cache';
import { Fences } from './fences.ts';
import { type Flight, Flights } from './flights.ts';
import type { LocalTimes } from './lifetime.ts';
import { isNewer, type LogId, START } from './log-id.ts';
import { Stamps, type Verdict } from './stamps.ts';
import type { Undelivered } from './undelivered.ts';

const OVERHEAD_BYTES = 256;

/** What the local tier keeps of a value. */
export class LocalEntry {
  readonly value: unknown;
  readonly freshUntilMs: number;
  readonly staleUntilMs: number;
  /** Until then a hit need not think: the value is fresh, and not to be refreshed early. */
  readonly hitUntilMs: number;
  readonly asOf: LogId;
  readonly tags: readonly string[];
  /** Length of the value as text. */
  readonly length: number;
  /** A hit hands it out as it is, and makes nothing. */
  readonly promise: Promise<unknown>;
  /** Of LocalTier, when the entry was last found valid. */
  version = 0;

  constructor(
    { value, asOf, tags, length }: Pick<LocalEntry, 'value' | 'asOf' | 'tags' | 'length'>,
    { freshUntilMs, staleUntilMs, earlyAtMs }: LocalTimes,
  ) {
    this.value = value;
    this.freshUntilMs = freshUntilMs;
    this.staleUntilMs = staleUntilMs;
    this.hitUntilMs = Math.min(freshUntilMs, earlyAtMs);
    this.asOf = asOf;
    this.tags = tags;
    this.length = length;
    this.promise = Promise.resolve(value);
  }
}

/** One entry of the log: `op` d invalidate, s set, x expire, t tags, c clear, k a sign of life. */
export interface LogEntry {
  readonly id: LogId;
  readonly previous: LogId;
  readonly op: string;
  readonly key: string;
}

/**
 * What this process has and knows: its entries, its flights, and what it has heard of changes.
 * Every change, heard or own, goes through here, so that the three always agree.
 */
export class LocalTier {
  /** Rises with every change that is not of a single key; a hit compares it and asks no more. */
  version = 0;
  readonly flights = new Flights();
  readonly fences = new Fences();
  readonly #entries: LRUCache<string, LocalEntry>;
  readonly #stamps = new Stamps();
  readonly #undelivered: Undelivered;
  /** The log has been read up to here, on near. */
  #cursor: LogId = START;

  constructor(maxEntries: number, maxBytes: number, undelivered: Undelivered) {
    this.#entries = new LRUCache({
      max: maxEntries,
      maxSize: maxBytes,
      sizeCalculation: (entry, key) => 2 * key.length + entry.length + OVERHEAD_BYTES,
    });
    this.#undelivered = undelivered;
  }

  get cursor(): LogId {
    return this.#cursor;
  }

  get size(): number {
    return this.#entries.size;
  }

  get sizeBytes(): number {
    return this.#entries.calculatedSize;
  }

  get(key: string): LocalEntry | undefined {
    return this.#entries.get(key);
  }

  /** The entry if nothing that was heard or written speaks against it, however old it is. */
  valid(key: string): LocalEntry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.version === this.version) return entry;
    if (this.check(key, entry.asOf, entry.tags) !== 'valid') {
      this.#entries.delete(key);
      return undefined;
    }
    entry.version = this.version;
    return entry;
  }

  /** Whether a value found in a Redis may be used, but for the fence of its flight. */
  check(key: string, asOf: LogId, tags: readonly string[]): Verdict {
    if (this.#undelivered.covers(key, tags)) return 'invalid';
    return this.#stamps.check(asOf, tags);
  }

  /** Whether a change of the key waits to be delivered. */
  withholds(key: string): boolean {
    return this.#undelivered.covers(key, []);
  }

  /** Keeps what a flight brought, unless a change since it began speaks against it. */
  fill(flight: Flight, entry: LocalEntry): void {
    if (flight.mayFill(entry.asOf)) this.#put(flight.key, entry);
  }

  #put(key: string, entry: LocalEntry): void {
    entry.version = this.version;
    this.#entries.set(key, entry);
  }

  /** This process is about to change the key. */
  changing(key: string): void {
    this.#entries.delete(key);
    this.flights.detach(key);
  }

  /** This process changed the key, or was told of a change, at `id`; the echo may be still to come. */
  changed(key: string, id: LogId): void {
    this.#dropOlder(key, id);
    this.flights.detach(key);
    if (isNewer(id, this.#cursor)) this.fences.raise(key, id);
  }

  /** This process made the key expire at `id`; what it has of it may still stand in. */
  expired(key: string, id: LogId): void {
    this.#expireOlder(key, id);
    this.flights.detach(key);
    if (isNewer(id, this.#cursor)) this.fences.raise(key, id);
  }

  /**
   * This process set the value at `id`. It is kept unless the log has been read on from there, which
   * may have spoken of a newer change, or this process was told of one.
   */
  wrote(key: string, entry: LocalEntry): void {
    const { asOf, tags } = entry;
    this.changed(key, asOf);
    if (isNewer(this.#cursor, asOf) || isNewer(this.fences.of(key), asOf)) return;
    if (this.check(key, asOf, tags) === 'valid') this.#put(key, entry);
  }

  /** The master knows of a change after `asOf`, which is still to be heard. */
  refused(key: string, asOf: LogId): void {
    if (this.#entries.peek(key)?.asOf === asOf) this.#entries.delete(key);
  }

  tagsChanged(tags: readonly string[], id: LogId): void {
    if (!this.#stamps.raise(tags, id)) return;
    this.version++;
    this.flights.detachAll();
  }

  cleared(id: LogId): void {
    if (!this.#stamps.clear(id)) return;
    this.version++;
    this.flights.detachAll();
  }

  /** A change could not be delivered: entries must be asked again whether it covers them. */
  withheld(): void {
    this.version++;
    this.flights.detachAll();
  }

  /** Takes note of an entry of the log, read on near. */
  heard({ id, op, key }: LogEntry): void {
    this.#cursor = id;
    if (op === 'd' || op === 's') {
      this.#dropOlder(key, id);
      // a flight that began after an own change knows of it
      if (!this.fences.knew(key, id)) this.flights.detach(key);
    } else if (op === 'x') {
      this.#expireOlder(key, id);
      if (!this.fences.knew(key, id)) this.flights.detach(key);
    } else if (op === 't') {
      this.tagsChanged(JSON.parse(key), id);
    } else if (op === 'c') {
      this.cleared(id);
    }
  }

  /** The end of a batch of `heard`. */
  reached(): void {
    if (this.fences.any) this.fences.lift(this.#cursor);
  }

  /** Begins to follow the log: what is as of before may have missed a change that nobody heard. */
  follow(cursor: LogId, cleared: LogId): void {
    this.#restart(cursor, cleared);
    this.flights.raiseFloor(cursor);
  }

  /**
   * Entries of the log were missed. `reset`: the log ends before where we were. Its replica has been
   * replaced by one that is behind, or the master by an empty one; until it has come as far as it
   * was, what it has does not count.
   */
  missed(cursor: LogId, cleared: LogId, reset: boolean): void {
    const before = this.#cursor;
    if (reset) this.#entries.clear();
    this.#restart(cursor, cleared);
    if (reset) this.fences.raiseAll(before);
    this.flights.detachAll();
  }

  #restart(cursor: LogId, cleared: LogId): void {
    this.#cursor = cursor;
    this.version++;
    this.#stamps.restart(cursor, cleared);
    for (const [key, entry] of this.#entries) {
      if (isNewer(cursor, entry.asOf)) this.#entries.delete(key);
    }
    this.fences.lift(cursor);
  }

  #dropOlder(key: string, id: LogId): void {
    const entry = this.#entries.peek(key);
    if (entry !== undefined && isNewer(id, entry.asOf)) this.#entries.delete(key);
  }

  #expireOlder(key: string, id: LogId): void {
    const entry = this.#entries.peek(key);
    if (entry === undefined || !isNewer(id, entry.asOf)) return;
    const { staleUntilMs, version } = entry;
    const over = new LocalEntry(entry, { freshUntilMs: 0, staleUntilMs, earlyAtMs: 0 });
    over.version = version;
    this.#entries.set(key, over);
  }

  /** Id of the last change of one of the tags, or clear, that was heard. */
  lastChangeOf(tags: readonly string[]): LogId {
    return this.#stamps.newest(tags);
  }

  clear(): void {
    this.#entries.clear();
  }
}
