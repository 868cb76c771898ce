import { createHash } from 'node:crypto';
import type { Board, BoardCall, BoardReply, StepReader } from './board.ts';
import { withDeadline } from './deadline.ts';
import { HoldUnavailableError } from './errors.ts';
import { keysOf } from './keys.ts';
import { RedisSteps } from './redis-steps.ts';
import { LOAD_SCRIPT } from './script/load-script.ts';
import { POOL_SCRIPT } from './script/pool-script.ts';

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

/** A command that was added by `defineCommand`. */
export type Command = (...args: (string | number)[]) => Promise<unknown>;

/** Adds a script to the client once, under a name that changes with the script. */
export function bindScript(redis: RedisLike, name: string, lua: string, keys: number): Command {
  const full = `${name}_${createHash('sha1').update(lua).digest('hex').slice(0, 12)}`;
  const commands = redis as unknown as Record<string, Command | undefined>;
  if (typeof commands[full] !== 'function') redis.defineCommand(full, { lua, numberOfKeys: keys });
  return (commands[full] as Command).bind(redis);
}

/** Runs a command; a failure or silence of `timeoutMs` is a `HoldUnavailableError`. */
export async function callRedis(
  command: Command,
  timeoutMs: number,
  args: (string | number)[],
): Promise<string> {
  const late = () => new Error(`no answer within ${timeoutMs} ms`);
  try {
    return String(await withDeadline(command(...args), timeoutMs, late));
  } catch (error) {
    throw new HoldUnavailableError('redis', `Redis failed: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** The two scripts of one pool, typed; no call of them waits for longer than `timeoutMs`. */
export class RedisBoard implements Board {
  readonly system = 'redis';
  readonly #redis: RedisLike;
  readonly #pool: string;
  readonly #keys: string[];
  readonly #run: Command;
  readonly #load: Command;
  readonly #timeoutMs: number;

  constructor(redis: RedisLike, pool: string, timeoutMs: number) {
    this.#redis = redis;
    this.#pool = pool;
    this.#keys = keysOf(pool);
    this.#timeoutMs = timeoutMs;
    this.#run = bindScript(redis, 'evenkeelHold', POOL_SCRIPT, this.#keys.length);
    this.#load = bindScript(redis, 'evenkeelHoldLoad', LOAD_SCRIPT, this.#keys.length);
  }

  async run({ epoch, leastSeq, clock, settings, requests }: BoardCall): Promise<BoardReply> {
    const args = [
      ...this.#keys,
      ...[epoch, leastSeq, clock ?? '', settings],
      JSON.stringify(requests),
    ];
    const reply = JSON.parse(await callRedis(this.#run, this.#timeoutMs, args));
    if (reply[0] !== 'ok') {
      return { ok: false, epoch: reply[1] === '' ? null : Number(reply[1]), seq: Number(reply[2]) };
    }
    const [, seq, now, more, promoted] = reply;
    const results = reply.slice(5);
    for (let i = 0; i < results.length; i++)
      if (typeof results[i] === 'number') results[i] = results[results[i]];
    return { ok: true, seq, now, more: more === 1, promoted: listOf(promoted), results };
  }

  /** One step of load-script.ts. */
  load(...args: (string | number)[]): Promise<string> {
    return callRedis(this.#load, this.#timeoutMs, [...this.#keys, ...args]);
  }

  steps(onError: (error: unknown) => void): StepReader {
    return new RedisSteps(this.#redis, this.#pool, onError);
  }
}

/** An empty Lua table becomes `{}` in JSON: reads it as the empty list it is. */
export function listOf<T>(value: unknown): T[] {
  return Array.isArray(value) ? value : [];
}
