import { decode, type Envelope, encodeRest } from './envelope.ts';
import type { Lifetime } from './lifetime.ts';
import type { LogId } from './log-id.ts';
import { ReadBatch } from './read-batch.ts';
import type { RedisLike } from './redis-like.ts';
import * as scripts from './scripts.ts';
import type { Settings } from './settings.ts';
import { Tier, type TierName } from './tier.ts';

/** What `leaseGet` finds: the value, the right to load it, or that somebody else loads it now. */
export type LeaseReply =
  | { state: 'hit'; envelope: Envelope }
  | { state: 'lease' | 'busy'; stale: Envelope | undefined; asOf: LogId };

type OnChange = (tier: Tier, cause?: unknown) => void;

/** The Redis tiers of one namespace: typed commands, each bounded in time. */
export class Remote {
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
  readonly #stampLifeMs: number;
  readonly #onUndecodable: (key: string) => void;

  constructor(settings: Settings, onChange: OnChange, onUndecodable: (key: string) => void) {
    const { redis, nearTimeoutMs, masterTimeoutMs } = settings;
    const tier = (name: TierName, client: RedisLike, timeoutMs: number) =>
      new Tier({ name, client, timeoutMs, onChange });
    this.nearClient = redis.near;
    this.near = tier('near', redis.near, nearTimeoutMs);
    this.global = redis.global && tier('global', redis.global, masterTimeoutMs);
    this.master = tier('master', redis.master, masterTimeoutMs);
    this.#nearReads = new ReadBatch(this.near);
    this.#globalReads = new ReadBatch(this.global ?? this.near);
    // the braces keep all keys of a namespace in one slot
    this.#prefix = `tc:{${settings.namespace}}:`;
    this.logKey = `${this.#prefix}log`;
    this.genKey = `${this.#prefix}gen`;
    this.#logLength = settings.logLength;
    this.#leaseMs = settings.leaseMs;
    this.#stampLifeMs = settings.longestLifeMs;
    this.#onUndecodable = onUndecodable;
  }

  get tiers(): Tier[] {
    return this.global ? [this.near, this.global, this.master] : [this.near, this.master];
  }

  #entry(key: string): string {
    return `${this.#prefix}e:${key}`;
  }

  #lease(key: string): string {
    return `${this.#prefix}l:${key}`;
  }

  #decode(key: string, text: unknown): Envelope | undefined {
    if (typeof text !== 'string') return undefined;
    const envelope = decode(text);
    if (envelope === undefined) this.#onUndecodable(key);
    return envelope;
  }

  /** Reads from a replica; one of the two is called, later. */
  read(
    tier: Tier,
    key: string,
    done: (envelope: Envelope | undefined) => void,
    failed: (error: unknown) => void,
  ): void {
    const batch = tier === this.global ? this.#globalReads : this.#nearReads;
    const decoded = (text: string | null) => done(this.#decode(key, text));
    batch.read(this.#entry(key), decoded, failed);
  }

  /** The stamps of tags as this tier has them, in order. */
  stamps(tier: Tier, tags: readonly string[]): Promise<(LogId | null)[]> {
    return tier.run((client) => client.mget(...tags.map((tag) => `${this.#prefix}t:${tag}`)));
  }

  async leaseGet(key: string, token: string, nowMs: number): Promise<LeaseReply> {
    const keys = [this.#entry(key), this.#lease(key), this.logKey, this.genKey];
    const args = [token, Math.floor(nowMs), this.#leaseMs, this.#logLength];
    const reply = (await this.master.run(
      (client) => scripts.LEASE_GET.run(client, keys, args),
      // a lease that came too late for its caller would keep everybody else waiting
      (late, client) => {
        if ((late as string[])[0] !== 'LEASE') return;
        scripts.LEASE_RELEASE.run(client, [this.#lease(key)], [token]).catch(nothing);
      },
    )) as [string, string | null, LogId];
    const envelope = this.#decode(key, reply[1]);
    if (reply[0] !== 'HIT') {
      return { state: reply[0] === 'LEASE' ? 'lease' : 'busy', stale: envelope, asOf: reply[2] };
    }
    if (envelope) return { state: 'hit', envelope };
    // a right header over a broken value: nobody can use it, so it goes
    await this.invalidate(key);
    return await this.leaseGet(key, token, nowMs);
  }

  async leaseSet(
    key: string,
    token: string,
    asOf: LogId,
    tags: readonly string[],
    payload: string,
    { freshUntilMs, lifeMs }: Lifetime,
  ): Promise<boolean> {
    const keys = [this.#entry(key), this.#lease(key), this.logKey, this.genKey];
    const rest = encodeRest(freshUntilMs, tags, payload);
    const args = [token, asOf, JSON.stringify(tags), lifeMs, rest];
    return (await this.master.run((client) => scripts.LEASE_SET.run(client, keys, args))) === 1;
  }

  async leaseExtend(key: string, token: string): Promise<boolean> {
    const args = [token, this.#leaseMs];
    const reply = await this.master.run((client) =>
      scripts.LEASE_EXTEND.run(client, [this.#lease(key)], args),
    );
    return reply === 1;
  }

  /** Never rejects: a lease that could not be given back runs out. */
  leaseRelease(key: string, token: string): Promise<void> {
    return this.master
      .run((client) => scripts.LEASE_RELEASE.run(client, [this.#lease(key)], [token]))
      .then(nothing, nothing);
  }

  invalidate(key: string): Promise<LogId> {
    const keys = [this.#entry(key), this.#lease(key), this.logKey];
    return this.#write(scripts.INVALIDATE, keys, [key, this.#logLength]);
  }

  set(
    key: string,
    tags: readonly string[],
    payload: string,
    { freshUntilMs, lifeMs }: Lifetime,
  ): Promise<LogId> {
    const keys = [this.#entry(key), this.#lease(key), this.logKey];
    const rest = encodeRest(freshUntilMs, tags, payload);
    return this.#write(scripts.SET, keys, [key, this.#logLength, lifeMs, rest]);
  }

  invalidateTags(tags: readonly string[]): Promise<LogId> {
    const args = [this.#logLength, this.#stampLifeMs, ...tags];
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

  async #write(
    script: scripts.Script,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<LogId> {
    return (await this.master.run((client) => script.run(client, keys, args))) as LogId;
  }

  close(): void {
    for (const tier of this.tiers) tier.close();
  }
}

function nothing(): void {}
