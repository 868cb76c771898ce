import type { BoardStep, StepReader } from './board.ts';
import { withDeadline } from './deadline.ts';
import { FEED_KEY, joinSeq, keysOf, streamId } from './keys.ts';
import type { FeedConnection, RedisLike } from './redis.ts';

const BLOCK_MS = 2_000;
const PATIENCE_MS = 3_000;

/** The pool's stream, on a connection that is made by `duplicate()` and made again when it fails. */
export class RedisSteps implements StepReader {
  readonly #redis: RedisLike;
  readonly #key: string;
  readonly #onError: (error: unknown) => void;
  #connection: FeedConnection | null = null;

  constructor(redis: RedisLike, pool: string, onError: (error: unknown) => void) {
    this.#redis = redis;
    this.#key = keysOf(pool)[FEED_KEY] as string;
    this.#onError = onError;
  }

  async read(seq: number): Promise<BoardStep[]> {
    if (this.#connection === null) {
      this.#connection = this.#redis.duplicate();
      this.#connection.on('error', this.#onError);
    }
    const args = ['COUNT', 256, 'BLOCK', BLOCK_MS, 'STREAMS', this.#key, streamId(seq)];
    try {
      const reply = await withDeadline(
        this.#connection.xread(...args),
        BLOCK_MS + PATIENCE_MS,
        () => new Error('the feed of the pool does not answer'),
      );
      return stepsOf(reply, this.#key);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#connection?.disconnect();
    this.#connection = null;
  }
}

/** XREAD's reply is a list in RESP2, a Map or an object in RESP3. */
function stepsOf(reply: unknown, key: string): BoardStep[] {
  if (reply === null || reply === undefined) return [];
  const streams: [string, unknown][] = Array.isArray(reply)
    ? reply
    : reply instanceof Map
      ? [...reply]
      : Object.entries(reply);
  const entries = streams.find(([name]) => name.endsWith(key))?.[1];
  return ((entries ?? []) as [string, unknown][]).map(([id, list]) => {
    const fields = fieldsOf(list);
    const [epoch = 0, position = 0] = id.split('-').map(Number);
    const seq = joinSeq(epoch, position);
    return { seq, counts: fields.get('c') ?? '', log: fields.get('t') ?? '' };
  });
}

function fieldsOf(fields: unknown): Map<string, string> {
  if (fields instanceof Map) return fields;
  const map = new Map<string, string>();
  if (Array.isArray(fields)) {
    for (let i = 0; i + 1 < fields.length; i += 2) map.set(fields[i], fields[i + 1]);
  } else for (const [name, value] of Object.entries(fields ?? {})) map.set(name, String(value));
  return map;
}
