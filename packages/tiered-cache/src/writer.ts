import { randomBytes } from 'node:crypto';
import type { Encoded } from './codec.ts';
import type { Content } from './envelope.ts';
import { CacheValueError, MasterUnavailableError } from './errors.ts';
import type { TieredCacheEvents } from './events.ts';
import { Lease } from './lease.ts';
import { lifetimeOf, localTimes } from './lifetime.ts';
import { LocalEntry, type LocalTier } from './local-tier.ts';
import type { LogId } from './log-id.ts';
import type { LogWriter } from './log-writer.ts';
import type { InvalidateOptions, InvalidateResult, WriteResult } from './options.ts';
import type { SafeEmitter } from './safe-emitter.ts';
import type { Settings } from './settings.ts';
import type { Undelivered } from './undelivered.ts';

type Operation = MasterUnavailableError['operation'];

/** A change: how it is sent, what is noted when it is confirmed, and when it is not. */
interface Change {
  readonly operation: Operation;
  send(): Promise<LogId>;
  confirmed(id: LogId): void;
  withhold(): void;
}

/** Makes the changes of one partition. What the master does not confirm is queued, never lost unseen. */
export class Writer {
  readonly #settings: Settings;
  readonly #log: LogWriter;
  readonly #local: LocalTier;
  readonly #undelivered: Undelivered;
  readonly #events: SafeEmitter<TieredCacheEvents>;

  constructor(
    settings: Settings,
    log: LogWriter,
    local: LocalTier,
    undelivered: Undelivered,
    events: SafeEmitter<TieredCacheEvents>,
  ) {
    this.#settings = settings;
    this.#log = log;
    this.#local = local;
    this.#undelivered = undelivered;
    this.#events = events;
  }

  /** @throws CacheValueError, MasterUnavailableError */
  async set(
    key: string,
    value: unknown,
    ttlMs: number,
    tags: readonly string[],
  ): Promise<{ id: LogId }> {
    const encoded = this.#encode(key, value);
    const { content, lifeMs } = this.#content(encoded, ttlMs, tags);
    const { changes } = this.#undelivered;
    this.#local.changing(key);
    try {
      const id = await this.#log.set(key, content, lifeMs);
      this.#wrote(key, encoded, content, id, changes);
      return { id };
    } catch (cause) {
      this.#withholdKey(key);
      throw new MasterUnavailableError(this.#settings.namespace, 'set', cause);
    }
  }

  #encode(key: string, value: unknown): Encoded {
    const { namespace, maxValueLength, payloads } = this.#settings;
    if (value === undefined) {
      throw new CacheValueError(namespace, key, 'must not be undefined');
    }
    const encoded = payloads.encode(namespace, key, value);
    const { length } = encoded.payload;
    if (length <= maxValueLength) return encoded;
    const rule = `must have at most ${maxValueLength} characters when encoded, has ${length}`;
    throw new CacheValueError(namespace, key, rule);
  }

  #content({ payload, encoding, value }: Encoded, ttlMs: number, tags: readonly string[]) {
    const { freshUntilMs, lifeMs } = lifetimeOf(this.#settings, ttlMs, value);
    return { content: { payload, encoding, tags, freshUntilMs, loadMs: 0 }, lifeMs };
  }

  #wrote(
    key: string,
    { value, payload }: Encoded,
    content: Content,
    id: LogId,
    changes: number,
  ): void {
    this.#undelivered.drop(key, changes);
    const { freshUntilMs, loadMs, tags } = content;
    const times = localTimes(this.#settings, { freshUntilMs, loadMs, value });
    const written = { value, asOf: id, tags, length: payload.length };
    this.#local.wrote(key, new LocalEntry(written, times));
  }

  invalidate(key: string, options: InvalidateOptions): Promise<InvalidateResult> {
    this.#local.changing(key);
    const send = () => this.#log.invalidate(key);
    return this.#change(this.#ofKey('invalidate', key, send), options);
  }

  expire(key: string, options: InvalidateOptions): Promise<InvalidateResult> {
    const { clock, graceMs } = this.#settings;
    const change: Change = {
      operation: 'expire',
      send: () => this.#log.expire(key, clock.now(), graceMs),
      confirmed: (id) => this.#local.expired(key, id),
      withhold: () => this.#withholdKey(key),
    };
    return this.#change(change, options);
  }

  invalidateTags(tags: readonly string[], options: InvalidateOptions): Promise<InvalidateResult> {
    const change: Change = {
      operation: 'invalidateTags',
      send: () => this.#log.invalidateTags(tags),
      confirmed: (id) => this.#local.tagsChanged(tags, id),
      withhold: () => {
        this.#undelivered.addTags(tags);
        this.#local.withheld();
      },
    };
    return this.#change(change, options);
  }

  clear(options: InvalidateOptions): Promise<InvalidateResult> {
    const change: Change = {
      operation: 'clear',
      send: () => this.#log.clear(),
      confirmed: (id) => this.#local.cleared(id),
      withhold: () => {
        this.#undelivered.addAll();
        this.#local.withheld();
      },
    };
    return this.#change(change, options);
  }

  /**
   * Calls `write` while nobody else loads the key, and stores what it gives. When the key changed
   * meanwhile, nobody can tell which of the two the source has: then the key is invalidated.
   */
  async writeThrough(
    key: string,
    write: () => unknown,
    ttlMs: number,
    tagsOf: (value: unknown) => readonly string[],
  ): Promise<WriteResult<unknown>> {
    const token = randomBytes(12).toString('base64url');
    const { changes } = this.#undelivered;
    this.#local.changing(key);
    let since: LogId | undefined;
    let lease: Lease | undefined;
    try {
      since = await this.#log.beginWrite(key, token);
      this.#local.changed(key, since);
      lease = new Lease(this.#log, key, token, this.#settings.leaseMs);
    } catch {
      this.#withholdKey(key); // the source is written all the same
    }
    let value: unknown;
    try {
      value = await write();
      lease?.end();
      if (since === undefined || value === undefined) {
        return { value, ...(await this.invalidate(key, {})) };
      }
      const encoded = this.#encode(key, value);
      const content = this.#content(encoded, ttlMs, tagsOf(encoded.value));
      const ended = this.#endWrite(key, token, since, encoded, content, changes);
      return { value, ...(await ended) };
    } catch (error) {
      lease?.end();
      await this.invalidate(key, {}); // it may have been written
      throw error;
    }
  }

  async #endWrite(
    key: string,
    token: string,
    since: LogId,
    encoded: Encoded,
    { content, lifeMs }: { content: Content; lifeMs: number },
    changes: number,
  ): Promise<InvalidateResult> {
    this.#local.changing(key);
    let stored = false;
    const send = async () => {
      const ended = await this.#log.endWrite(key, token, since, content, lifeMs);
      stored = ended.stored;
      return ended.id;
    };
    const change = this.#ofKey('set', key, send);
    const confirmed = (id: LogId) =>
      stored ? this.#wrote(key, encoded, content, id, changes) : change.confirmed(id);
    return await this.#change({ ...change, confirmed }, {});
  }

  #ofKey(operation: Operation, key: string, send: () => Promise<LogId>): Change {
    const { changes } = this.#undelivered;
    return {
      operation,
      send,
      confirmed: (id) => {
        this.#undelivered.drop(key, changes);
        this.#local.changed(key, id);
      },
      withhold: () => this.#withholdKey(key),
    };
  }

  #withholdKey(key: string): void {
    this.#undelivered.addKey(key);
    this.#local.changing(key);
    if (this.#undelivered.collapsed) this.#local.withheld();
    this.#events.emit('queued', { waiting: this.#undelivered.size });
  }

  async #change(
    { operation, send, confirmed, withhold }: Change,
    { required = false }: InvalidateOptions,
  ): Promise<InvalidateResult> {
    let id: LogId;
    try {
      id = await send();
    } catch (cause) {
      withhold();
      if (operation === 'invalidateTags' || operation === 'clear') {
        this.#events.emit('queued', { waiting: this.#undelivered.size });
      }
      if (required) throw new MasterUnavailableError(this.#settings.namespace, operation, cause);
      return { status: 'queued', id: undefined };
    }
    confirmed(id);
    return { status: 'done', id };
  }
}
