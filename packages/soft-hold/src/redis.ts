import { createHash } from 'node:crypto';
import { withDeadline } from './deadline.ts';
import { HoldUnavailableError } from './errors.ts';
import { keysOf } from './keys.ts';
import { LOAD_SCRIPT } from './load-script.ts';
import { POOL_SCRIPT } from './script.ts';

/**
 * What is called of the Redis client: ioredis 5 or 6, its Cluster, or iovalkey. Commands are only
 * added by `defineCommand`, under names that carry the script's hash; `duplicate` makes the feed's
 * own connection.
 */
export interface RedisLike {
  defineCommand(name: string, definition: { lua: string; numberOfKeys: number }): void;
  duplicate(): FeedConnection;
}

/** The feed's own connection: made by `duplicate()`, closed by the pool. */
export interface FeedConnection {
  xread(...args: (string | number)[]): Promise<unknown>;
  disconnect(): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

type Command = (...args: (string | number)[]) => Promise<unknown>;

const hash = (lua: string) => createHash('sha1').update(lua).digest('hex').slice(0, 12);
const POOL_COMMAND = `evenkeelHold_${hash(POOL_SCRIPT)}`;
const LOAD_COMMAND = `evenkeelHoldLoad_${hash(LOAD_SCRIPT)}`;

/** What the pool script answers: its results, or that the data is not what the caller believes. */
export type PoolReply =
  | { ok: true; seq: number; now: number; more: boolean; results: unknown[][] }
  | { ok: false; epoch: number | null; seq: number };

/** The two scripts of one pool, typed; no call of them waits for longer than `timeoutMs`. */
export class PoolScripts {
  readonly #keys: string[];
  readonly #pool: Command;
  readonly #load: Command;
  readonly #timeoutMs: number;

  constructor(redis: RedisLike, pool: string, timeoutMs: number) {
    this.#keys = keysOf(pool);
    this.#timeoutMs = timeoutMs;
    const bind = (name: string, lua: string): Command => {
      const commands = redis as unknown as Record<string, Command | undefined>;
      if (typeof commands[name] !== 'function') {
        redis.defineCommand(name, { lua, numberOfKeys: this.#keys.length });
      }
      return (commands[name] as Command).bind(redis);
    };
    this.#pool = bind(POOL_COMMAND, POOL_SCRIPT);
    this.#load = bind(LOAD_COMMAND, LOAD_SCRIPT);
  }

  /** Runs the requests, JSON texts as in script.ts, in one call. */
  async run(
    epoch: number,
    leastSeq: number,
    clock: number | null,
    settings: string,
    requests: readonly string[],
  ): Promise<PoolReply> {
    const batch = requests.length === 0 ? `[${settings}]` : `[${settings},${requests.join(',')}]`;
    const text = await this.#call(this.#pool, epoch, leastSeq, clock ?? '', batch);
    const reply = JSON.parse(text);
    if (reply[0] !== 'ok') {
      return { ok: false, epoch: reply[1] === '' ? null : Number(reply[1]), seq: Number(reply[2]) };
    }
    const [, seq, now, more] = reply;
    return { ok: true, seq, now, more: more === 1, results: reply.slice(4) };
  }

  /** One step of load-script.ts. */
  load(...args: (string | number)[]): Promise<string> {
    return this.#call(this.#load, ...args);
  }

  async #call(command: Command, ...args: (string | number)[]): Promise<string> {
    const late = () => new Error(`no answer within ${this.#timeoutMs} ms`);
    try {
      return String(await withDeadline(command(...this.#keys, ...args), this.#timeoutMs, late));
    } catch (error) {
      throw new HoldUnavailableError('redis', `Redis failed: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}

/** An empty Lua table becomes `{}` in JSON: reads it as the empty list it is. */
export function listOf<T>(value: unknown): T[] {
  return Array.isArray(value) ? value : [];
}
