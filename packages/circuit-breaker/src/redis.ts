import { randomUUID } from 'node:crypto';
import { checkedClock, duration, number, object, wrongType } from './checks.ts';
import type { CircuitBreaker, Clock } from './index.ts';
import { systemClock } from './index.ts';

/** The commands called of a Redis client; ioredis 5 and 6, its Cluster and iovalkey have this shape. */
export interface RedisLike {
  eval(script: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
}

/** Options of {@link CircuitSharing}. */
export interface CircuitSharingOptions {
  readonly redis: RedisLike;
  /** The breakers to share, each with those of the same name in other processes; a `CircuitBreakerRegistry` will do. */
  readonly breakers: Iterable<CircuitBreaker>;
  /** Names this process, and is different in each (default: random). */
  readonly node?: string | undefined;
  /** Begins the keys (default `evenkeel:circuit`). */
  readonly prefix?: string | undefined;
  /** When more than this share of the nodes with traffic find the circuit open, the others open theirs; in [0, 1) (default 0.5). */
  readonly quorum?: number | undefined;
  /** How often verdicts are told and read, in ms (default 1,000). */
  readonly intervalMs?: number | undefined;
  /** How long the node that probes keeps the others from it, in ms (default 10,000). */
  readonly leaseMs?: number | undefined;
  /** Monotonic time and timers (default: the process's). */
  readonly clock?: Clock | undefined;
}

/** What sharing knows, as plain data. */
export interface CircuitSharingSnapshot {
  readonly node: string;
  /** Whether the last exchange with Redis succeeded; while false, every breaker decides for itself alone. */
  readonly connected: boolean;
  /** Why the last exchange failed. */
  readonly lastError: unknown;
  /** Names of the breakers whose probes this node may make. */
  readonly leases: readonly string[];
}

/**
 * KEYS 1: hash node -> `<verdict> <time in ms>`  2: the probe lease
 * ARGV 1: node  2: verdict (`open`, `closed`, `well`, or empty = nothing to say)  3: verdicts older than so many ms do not count
 *      4: `ask` for the lease, `keep` it if it is held, `release` it  5: ms the lease lasts
 * Reply: nodes with traffic, nodes that find it open, nodes that found it well again, 1 = this node has the lease
 *
 * `well` is said by a node that has probed and closed: it ends the lease, and the others need none.
 */
const EXCHANGE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[2] == '' then redis.call('HDEL', KEYS[1], ARGV[1])
else redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. string.format('%.0f', now)) end
local traffic, open, well = 0, 0, 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local verdict, at = string.match(all[i + 1], '^(%a+) (%d+)$')
  -- one of the future is of a clock that was set back: nobody knows how old it is
  if not at or math.abs(now - tonumber(at)) > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], all[i])
  else
    traffic = traffic + 1
    if verdict == 'open' then open = open + 1 elseif verdict == 'well' then well = well + 1 end
  end
end
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[3] * 2) end
local holder = redis.call('GET', KEYS[2])
if ARGV[4] == 'ask' and not holder then
  redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[5])
  holder = ARGV[1]
elseif ARGV[4] == 'release' and holder == ARGV[1] then
  redis.call('DEL', KEYS[2])
  holder = false
end
local leased = holder == ARGV[1] and 1 or 0
return { traffic, open, well, leased }`;

/** What this node knows of one breaker. */
interface Shared {
  readonly breaker: CircuitBreaker;
  /** What was said last; an empty verdict is not repeated. */
  said: Verdict;
  /** Refusals up to the opening: more of them mean that somebody here wants to call. */
  refusedBefore: number;
  /** Opened on the word of the others: that is no finding of its own. */
  tripped: boolean;
  /** Until then it says that it has found the dependency well again. */
  wellUntil: number;
  leased: boolean;
  /** Another node has probed and found it well. */
  well: boolean;
}

type Verdict = 'open' | 'closed' | 'well' | '';

/**
 * Shares the verdicts of the breakers of several processes through Redis, off the path of the calls.
 *
 * Once in `intervalMs` each process says what its breakers found, if they had traffic or are not closed, and reads what
 * the others found: one script a breaker, nothing for idle ones. When more than `quorum` of the nodes that had traffic
 * find a circuit open, the others open theirs. A circuit that is due for probes is probed by the one process that holds the
 * lease, for `leaseMs`; when it has found the dependency well, the others may probe too. No call ever waits for Redis or fails for
 * it: while Redis is away each breaker decides alone.
 *
 * Times are those of the Redis server. The client stays the caller's: it is neither configured nor closed.
 */
export class CircuitSharing implements AsyncDisposable {
  readonly node: string;
  readonly #redis: RedisLike;
  readonly #breakers: Iterable<CircuitBreaker>;
  readonly #prefix: string;
  readonly #quorum: number;
  readonly #intervalMs: number;
  readonly #leaseMs: number;
  readonly #clock: Clock;
  readonly #shared = new Map<string, Shared>();
  #connected = false;
  #lastError: unknown = undefined;
  #timer: unknown = undefined;
  #exchange: Promise<void> | undefined = undefined;
  #closed = false;

  /**
   * Begins to share.
   *
   * @throws TypeError when an option has the wrong type or is unknown
   * @throws RangeError when an option is out of range
   */
  constructor(options: CircuitSharingOptions) {
    object('options', options, [
      'redis',
      'breakers',
      'node',
      'prefix',
      'quorum',
      'intervalMs',
      'leaseMs',
      'clock',
    ]);
    const { redis, breakers, node = randomUUID(), prefix = 'evenkeel:circuit' } = options;
    if (typeof redis?.eval !== 'function') throw wrongType('redis', 'a Redis client', redis);
    if (typeof breakers?.[Symbol.iterator] !== 'function') {
      throw wrongType('breakers', 'an iterable of circuit breakers', breakers);
    }
    if (typeof node !== 'string' || node === '') {
      throw wrongType('node', 'a non-empty string', node);
    }
    if (typeof prefix !== 'string') throw wrongType('prefix', 'a string', prefix);
    this.node = node;
    this.#redis = redis;
    this.#breakers = breakers;
    this.#prefix = prefix;
    this.#quorum = number('quorum', options.quorum ?? 0.5, 'in [0, 1)', (n) => n >= 0 && n < 1);
    this.#intervalMs = duration('intervalMs', options.intervalMs ?? 1_000);
    this.#leaseMs = duration('leaseMs', options.leaseMs ?? 10_000);
    this.#clock = checkedClock(options.clock ?? systemClock);
    this.#arm();
  }

  snapshot(): CircuitSharingSnapshot {
    const leases = [...this.#shared].filter(([, { leased }]) => leased).map(([name]) => name);
    return { node: this.node, connected: this.#connected, lastError: this.#lastError, leases };
  }

  /** Says and reads verdicts now instead of at the next interval. Never rejects: see `snapshot()`. */
  async exchange(): Promise<void> {
    if (this.#closed) return;
    this.#exchange ??= this.#exchangeAll().finally(() => {
      this.#exchange = undefined;
    });
    await this.#exchange;
  }

  /** Shares no longer; the breakers go on by themselves. Resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#clock.clearTimeout(this.#timer);
    for (const { breaker } of this.#shared.values()) breaker.gateProbes(undefined);
    // not for longer than an interval: Redis may be hanging
    await this.#inTime(this.#exchange ?? Promise.resolve()).catch(() => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(() => {
      // An exchange that hangs is not joined by a second one.
      void this.#inTime(this.exchange()).catch((error) => this.#lost(error));
      if (!this.#closed) this.#arm();
    }, this.#intervalMs);
  }

  async #exchangeAll(): Promise<void> {
    try {
      const present = new Set<string>();
      const exchanges: Promise<void>[] = [];
      for (const breaker of this.#breakers) {
        present.add(breaker.name);
        exchanges.push(this.#exchangeOne(this.#entry(breaker)));
      }
      for (const [name, { breaker }] of this.#shared) {
        if (present.has(name)) continue;
        this.#shared.delete(name);
        breaker.gateProbes(undefined); // whoever still holds it has it to himself
      }
      await Promise.all(exchanges);
      this.#connected = true;
      this.#lastError = undefined;
    } catch (error) {
      this.#lost(error);
    }
  }

  #lost(error: unknown): void {
    this.#connected = false;
    this.#lastError = error;
  }

  #entry(breaker: CircuitBreaker): Shared {
    const known = this.#shared.get(breaker.name);
    if (known?.breaker === breaker) return known;
    known?.breaker.gateProbes(undefined);
    const entry: Shared = {
      breaker,
      said: '',
      refusedBefore: 0,
      tripped: false,
      wellUntil: Number.NEGATIVE_INFINITY,
      leased: false,
      well: false,
    };
    this.#shared.set(breaker.name, entry);
    breaker.gateProbes(() => !this.#connected || entry.leased || entry.well);
    return entry;
  }

  async #exchangeOne(entry: Shared): Promise<void> {
    const { breaker } = entry;
    const { state, retryAfterMs, window, inFlight, totals } = breaker.snapshot();
    const isProbed = state === 'half-open';
    const isOpen = state === 'open' || isProbed;
    const now = this.#clock.now();
    let verdict: Verdict = '';
    if (isOpen) verdict = entry.tripped ? '' : 'open';
    else if (state === 'closed') {
      if (entry.said === 'open' || entry.tripped) entry.wellUntil = now + this.#leaseMs;
      entry.tripped = false;
      entry.refusedBefore = totals.rejected;
      if (now < entry.wellUntil) verdict = 'well';
      else if (window.calls + inFlight > 0) verdict = 'closed';
    }
    // Asked for by nodes that have had calls to refuse, and so have some to probe with. Kept while the probes fail, so that
    // the others do not take their turn at a dependency that is known to be sick; never renewed, so that it goes round.
    const isDue = isProbed || (retryAfterMs ?? Number.POSITIVE_INFINITY) <= 2 * this.#intervalMs;
    const asks = isDue && totals.rejected > entry.refusedBefore;
    const lease = isOpen ? (asks ? 'ask' : 'keep') : 'release';
    // Idle, and it was said: no traffic here, none on Redis either.
    if (verdict === '' && entry.said === '' && !isOpen && !entry.leased) return;
    const keys = ['verdicts', 'lease'].map((key) => `${this.#prefix}:{${breaker.name}}:${key}`);
    const staleMs = 3 * this.#intervalMs;
    const reply = (await this.#redis.eval(
      EXCHANGE,
      2,
      ...keys,
      this.node,
      verdict,
      staleMs,
      lease,
      this.#leaseMs,
    )) as [traffic: number, open: number, well: number, leased: number];
    const [traffic, open, well, leased] = reply;
    entry.said = verdict;
    entry.leased = leased === 1;
    entry.well = well > 0;
    const othersFindItOpen = open > traffic * this.#quorum && well === 0;
    if (verdict !== 'well' && othersFindItOpen && breaker.state === 'closed') {
      entry.tripped = true;
      breaker.trip();
    }
  }

  async #inTime(work: Promise<void>): Promise<void> {
    let timer: unknown;
    const late = new Promise<never>((_resolve, reject) => {
      timer = this.#clock.setTimeout(
        () => reject(new Error(`Redis did not answer within ${this.#intervalMs} ms`)),
        this.#intervalMs,
      );
    });
    try {
      await Promise.race([work, late]);
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }
}
