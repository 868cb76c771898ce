import { createHash } from 'node:crypto';
import { knownOptions } from './known-options.ts';
import { integer, name } from './options.ts';
import {
  isFinal,
  type JobStatus,
  LOWEST_ORDER,
  ORDER_LENGTH,
  type StatusStore,
  type StatusUpdate,
} from './status.ts';
import { StatusWatchers } from './status-watchers.ts';

/** The commands called; ioredis 5 and 6, its Cluster and iovalkey have this shape. */
export interface RedisLike {
  /** True where the keys of one call must share a slot. */
  readonly isCluster?: boolean;
  get(key: string): Promise<string | null>;
  evalsha(sha: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  eval(script: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  ping(): Promise<unknown>;
  duplicate(): RedisSubscriberLike;
}

/** The second connection, used to subscribe; ours to close. */
export interface RedisSubscriberLike {
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: arguments depend on the event
  on(event: string, listener: (...args: any[]) => void): unknown;
  disconnect(): void;
}

/** What `redisStatus` takes beside the client. */
export interface RedisStatusOptions {
  /** First part of every key and channel. Default `jobs`. */
  readonly prefix?: string;
  /** Milliseconds a status is kept after success. Default 24 h. */
  readonly successTtlMs?: number;
  /** Milliseconds a status is kept otherwise. Default 7 days. */
  readonly ttlMs?: number;
}

const MAX_RESULT_BYTES = 64 * 1024;
// Statuses a call: Redis does nothing else meanwhile, about a millisecond
const CALL = 250;

/**
 * KEYS[i]      status of a job: <order><JSON>
 * ARGV[1]      milliseconds to keep one of a job that has succeeded, ARGV[2] any other
 * ARGV[i + 2]  the status to store: <order, fixed width><JSON>; one of a success begins with 9
 * reply        number of statuses that were newer than the stored ones
 *
 * The channel of a job has the name of its key. Nothing is lower than a queued job's first status,
 * so that one is stored where there is none.
 */
const SCRIPT = `local call, stored = redis.call, 0
for i, key in ipairs(KEYS) do
  local status = ARGV[i + 2]
  local order = string.sub(status, 1, ${ORDER_LENGTH})
  local isNewer
  if order == '${LOWEST_ORDER}' then
    isNewer = call('SET', key, status, 'NX', 'PX', ARGV[2])
  elseif call('GETRANGE', key, 0, ${ORDER_LENGTH - 1}) < order then
    isNewer = call('SET', key, status, 'PX', string.sub(status, 1, 1) == '9' and ARGV[1] or ARGV[2])
  end
  if isNewer then
    call('PUBLISH', key, status)
    stored = stored + 1
  end
end
return stored`;
const CANCELLED_FOR_MS = 7 * 24 * 3600_000;

/**
 * KEYS[1]  cancelled jobs, scored by time; also the channel that tells of them
 * ARGV[1]  job id
 * ARGV[2]  now, ARGV[3] the time before which they are forgotten
 */
const CANCEL = `redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ${CANCELLED_FOR_MS})
return redis.call('PUBLISH', KEYS[1], ARGV[1])`;

/** KEYS[1] cancelled jobs; reply: their ids */
const CANCELLED = `return redis.call('ZRANGE', KEYS[1], 0, -1)`;
const SHA = createHash('sha1').update(SCRIPT).digest('hex');

/**
 * Job status in Redis: a compare-and-set by a Lua script, so that a status never steps back, and
 * PUBLISH for the watchers, who share one subscriber connection (`client.duplicate()`).
 *
 * @throws RangeError or TypeError naming field, rule and value
 */
export function redisStatus(redis: RedisLike, options: RedisStatusOptions = {}): StatusStore {
  return new RedisStatus(redis, options);
}

class RedisStatus implements StatusStore {
  readonly #redis: RedisLike;
  readonly #prefix: string;
  readonly #successTtlMs: number;
  readonly #ttlMs: number;
  readonly #watchers: StatusWatchers;
  /** The keys of a call must share a slot. */
  #bySlot: boolean;

  constructor(redis: RedisLike, options: RedisStatusOptions) {
    knownOptions(options, { prefix: true, successTtlMs: true, ttlMs: true });
    this.#redis = redis;
    this.#bySlot = redis.isCluster ?? false;
    this.#prefix = name('prefix', options.prefix ?? 'jobs');
    this.#successTtlMs = integer('successTtlMs', options.successTtlMs ?? 24 * 3600_000, 1_000);
    this.#ttlMs = integer('ttlMs', options.ttlMs ?? 7 * 24 * 3600_000, 1_000);
    this.#watchers = new StatusWatchers(redis);
  }

  async write(updates: readonly StatusUpdate[]): Promise<void> {
    const calls = new Map<number, { keys: string[]; statuses: string[] }>();
    let call = { keys: [] as string[], statuses: [] as string[] };
    let place = -1;
    for (const [i, { status, order }] of updates.entries()) {
      const bucket = bucketOf(status.id);
      const own = this.#bySlot ? bucket : Math.floor(i / CALL);
      if (own !== place) {
        call = calls.get(own) ?? { keys: [], statuses: [] };
        calls.set(own, call);
        place = own;
      }
      call.keys.push(this.#key(status.id, bucket));
      call.statuses.push(order + toJson(status));
    }
    const ttls = [this.#successTtlMs, this.#ttlMs];
    try {
      await Promise.all(
        [...calls.values()].map(({ keys, statuses }) => this.#run(keys, [...ttls, ...statuses])),
      );
    } catch (error) {
      if (this.#bySlot || !String(error).includes('CROSSSLOT')) throw error;
      this.#bySlot = true; // a cluster behind a proxy that looks like one server
      await this.write(updates);
    }
  }

  async read(id: string): Promise<JobStatus | null> {
    const text = await this.#redis.get(this.#key(id, bucketOf(id)));
    return text === null ? null : (JSON.parse(text.slice(ORDER_LENGTH)) as JobStatus);
  }

  async *watch(id: string, signal?: AbortSignal): AsyncGenerator<JobStatus> {
    const watcher = this.#watchers.open(this.#key(id, bucketOf(id)), signal);
    try {
      for await (const text of watcher) {
        const status = JSON.parse(text.slice(ORDER_LENGTH)) as JobStatus;
        yield status;
        if (isFinal(status.state)) return;
      }
    } finally {
      watcher.close();
    }
  }

  async cancel(id: string): Promise<void> {
    const now = Date.now();
    await this.#redis.eval(CANCEL, 1, this.#cancelled, id, now, now - CANCELLED_FOR_MS);
  }

  cancellations(cancelled: (id: string) => void): Promise<() => void> {
    const readAll = async (): Promise<void> => {
      const ids = await this.#redis.eval(CANCELLED, 1, this.#cancelled);
      for (const id of ids as string[]) cancelled(id);
    };
    return this.#watchers.listen(this.#cancelled, cancelled, () => {
      readAll().catch(() => {}); // Redis is away: read when it is back
    });
  }

  async ping(): Promise<void> {
    await this.#redis.ping();
  }

  async close(): Promise<void> {
    this.#watchers.close();
  }

  async #run(keys: string[], args: (string | number)[]): Promise<void> {
    try {
      await this.#redis.evalsha(SHA, keys.length, ...keys, ...args);
    } catch (error) {
      if (!String(error).includes('NOSCRIPT')) throw error;
      await this.#redis.eval(SCRIPT, keys.length, ...keys, ...args); // loads it as well
    }
  }

  get #cancelled(): string {
    return `${this.#prefix}:cancelled`;
  }

  #key(id: string, bucket: number): string {
    return `${this.#prefix}:{${bucket}}:${id}`;
  }
}

/**
 * One script call stores many statuses, and in a Redis Cluster all keys of a call must share a
 * slot: ids are spread over 16 hash tags by their last digit.
 */
function bucketOf(id: string): number {
  return Number.parseInt(id.slice(-1), 16) || 0; // random in a UUID
}

function toJson(status: JobStatus): string {
  const { id, name, state, attempt, progress, atMs, note, result, error } = status;
  if (note === undefined && result === undefined && error === undefined) {
    // Two or three of these a job; piece by piece takes a third of the time
    return `{"id":${JSON.stringify(id)},"name":${JSON.stringify(name)},"state":"${state}","attempt":${attempt},"progress":${progress},"atMs":${atMs}}`;
  }
  const json = JSON.stringify(status);
  if (status.result === undefined || Buffer.byteLength(json) <= MAX_RESULT_BYTES) return json;
  const { result: _, ...rest } = status;
  return JSON.stringify(rest);
}
