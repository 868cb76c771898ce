import type { Payloads } from './codec.ts';
import { type Content, decode, type Envelope, encodeRest } from './envelope.ts';
import type { LogId } from './log-id.ts';
import type { LogWriter } from './log-writer.ts';
import { ReadBatch } from './read-batch.ts';
import type { RedisLike } from './redis-like.ts';
import * as scripts from './scripts.ts';
import { LONGEST_LIFE_MS, type Settings } from './settings.ts';
import type { Tier } from './tier.ts';
import type { Tiers } from './tiers.ts';

/** What `leaseGet` finds: the value, the right to load it, or that somebody else loads it now. */
export type LeaseReply =
  | { state: 'hit'; envelope: Envelope }
  | {
      state: 'lease' | 'busy';
      stale: Envelope | undefined;
      asOf: LogId;
      /** The key changed so recently that a replica of the source may not have it. */
      recent: boolean;
    };

/** What one partition of a namespace has in Redis: typed commands, each bounded in time. */
export class Remote implements LogWriter {
  readonly near: Tier;
  readonly global: Tier | undefined;
  readonly master: Tier;
  /** The one that is followed. */
  readonly nearClient: RedisLike;
  readonly logKey: string;
  readonly genKey: string;
  readonly #nearReads: ReadBatch;
  readonly #globalReads: ReadBatch;
  readonly #prefix: string;
  readonly #logLength: number;
  readonly #leaseMs: number;
  readonly #sourceLagMs: number;
  readonly #payloads: Payloads;
  readonly #onUndecodable: (key: string) => void;

  constructor(
    name: string,
    tiers: Tiers,
    settings: Settings,
    onUndecodable: (key: string) => void,
  ) {
    this.nearClient = tiers.clients.near;
    this.near = tiers.near;
    this.global = tiers.global;
    this.master = tiers.master;
    this.#nearReads = new ReadBatch(this.near);
    this.#globalReads = new ReadBatch(this.global ?? this.near);
    // the braces keep all keys of a partition in one slot
    this.#prefix = `tc:{${name}}:`;
    this.logKey = `${this.#prefix}log`;
    this.genKey = `${this.#prefix}gen`;
    this.#logLength = settings.logLength;
    this.#leaseMs = settings.leaseMs;
    this.#sourceLagMs = settings.sourceLagMs;
    this.#payloads = settings.payloads;
    this.#onUndecodable = onUndecodable;
  }

  #entry(key: string): string {
    return `${this.#prefix}e:${key}`;
  }

  #lease(key: string): string {
    return `${this.#prefix}l:${key}`;
  }

  #recent(key: string): string {
    return `${this.#prefix}r:${key}`;
  }

  #decode(key: string, text: unknown): Envelope | undefined {
    if (typeof text !== 'string') return undefined;
    const envelope = decode(text, this.#payloads);
    if (envelope === undefined) this.#onUndecodable(key);
    return envelope === 'other shape' ? undefined : envelope;
  }

  /** Reads from a replica; one of the two is called, later. */
  read(
    tier: Tier,
    key: string,
    done: (envelope: Envelope | undefined) => void,
    failed: (error: unknown) => void,
  ): void {
    const batch = tier === this.global ? this.#globalReads : this.#nearReads;
    batch.read(this.#entry(key), (text) => done(this.#decode(key, text)), failed);
  }

  /** The stamps of tags as this tier has them, in order. */
  stamps(tier: Tier, tags: readonly string[]): Promise<(LogId | null)[]> {
    return tier.run((client) => client.mget(...tags.map((tag) => `${this.#prefix}t:${tag}`)));
  }

  /** `early`: the right to load also while the value is fresh. */
  async leaseGet(key: string, token: string, nowMs: number, early: boolean): Promise<LeaseReply> {
    const keys = [this.#entry(key), this.#lease(key), this.logKey, this.genKey, this.#recent(key)];
    const { shape } = this.#payloads;
    const args = [token, Math.floor(nowMs), this.#leaseMs, this.#logLength, shape, early ? 1 : 0];
    const reply = (await this.master.run(
      (client) => scripts.LEASE_GET.run(client, keys, args),
      // a lease that came too late for its caller would keep everybody else waiting
      (late, client) => {
        if ((late as string[])[0] !== 'LEASE') return;
        scripts.LEASE_RELEASE.run(client, [this.#lease(key)], [token]).catch(nothing);
      },
    )) as [state: string, text: string | null, asOf: LogId, recent: number];
    const envelope = this.#decode(key, reply[1]);
    if (reply[0] !== 'HIT') {
      const state = reply[0] === 'LEASE' ? 'lease' : 'busy';
      return { state, stale: envelope, asOf: reply[2], recent: reply[3] === 1 };
    }
    if (envelope) return { state: 'hit', envelope };
    // a right header over a broken value: nobody can use it, so it goes
    await this.invalidate(key);
    return await this.leaseGet(key, token, nowMs, early);
  }

  async leaseSet(
    key: string,
    token: string,
    asOf: LogId,
    content: Content,
    lifeMs: number,
  ): Promise<boolean> {
    const keys = [this.#entry(key), this.#lease(key), this.logKey, this.genKey];
    const args = [token, asOf, JSON.stringify(content.tags), lifeMs, this.#rest(content)];
    return (await this.#write<number>(scripts.LEASE_SET, keys, args)) === 1;
  }

  #rest(content: Content): string {
    return encodeRest(this.#payloads.shape, content);
  }

  async leaseExtend(key: string, token: string): Promise<boolean> {
    const args = [token, this.#leaseMs];
    return (await this.#write<number>(scripts.LEASE_EXTEND, [this.#lease(key)], args)) === 1;
  }

  /** Never rejects: a lease that could not be given back runs out. */
  leaseRelease(key: string, token: string): Promise<void> {
    return this.#write(scripts.LEASE_RELEASE, [this.#lease(key)], [token]).then(nothing, nothing);
  }

  invalidate(key: string): Promise<LogId> {
    const args = [key, this.#logLength, this.#sourceLagMs];
    return this.#write(scripts.INVALIDATE, this.#changing(key), args);
  }

  expire(key: string, nowMs: number, graceMs: number): Promise<LogId> {
    const args = [key, this.#logLength, this.#sourceLagMs, Math.floor(nowMs), graceMs];
    return this.#write(scripts.EXPIRE, this.#changing(key), args);
  }

  #changing(key: string): string[] {
    return [this.#entry(key), this.#lease(key), this.logKey, this.#recent(key)];
  }

  set(key: string, content: Content, lifeMs: number): Promise<LogId> {
    const keys = [this.#entry(key), this.#lease(key), this.logKey];
    const args = [key, this.#logLength, lifeMs, this.#rest(content)];
    return this.#write(scripts.SET, keys, args);
  }

  beginWrite(key: string, token: string): Promise<LogId> {
    const keys = [this.#entry(key), this.#lease(key), this.logKey];
    return this.#write(scripts.BEGIN_WRITE, keys, [key, this.#logLength, token, this.#leaseMs]);
  }

  async endWrite(key: string, token: string, since: LogId, content: Content, lifeMs: number) {
    const keys = [this.#entry(key), this.#lease(key), this.logKey, this.genKey];
    const tags = JSON.stringify(content.tags);
    const args = [key, this.#logLength, token, since, tags, lifeMs, this.#rest(content)];
    const reply = await this.#write<[number, LogId]>(scripts.END_WRITE, keys, args);
    return { stored: reply[0] === 1, id: reply[1] };
  }

  invalidateTags(tags: readonly string[]): Promise<LogId> {
    const args = [this.#logLength, LONGEST_LIFE_MS, ...tags];
    return this.#write(scripts.INVALIDATE_TAGS, [this.logKey, this.genKey], args);
  }

  clear(): Promise<LogId> {
    return this.#write(scripts.CLEAR, [this.logKey, this.genKey], [this.#logLength]);
  }

  /** Writes to the log unless it has an entry younger than `everyMs`; gives the newest id. */
  tick(everyMs: number): Promise<LogId> {
    return this.#write(scripts.TICK, [this.logKey], [everyMs, this.#logLength]);
  }

  newest(): Promise<LogId> {
    return this.#write(scripts.NEWEST, [this.logKey], []);
  }

  async #write<R = LogId>(
    script: scripts.Script,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<R> {
    return (await this.master.run((client) => script.run(client, keys, args))) as R;
  }
}

function nothing(): void {}
