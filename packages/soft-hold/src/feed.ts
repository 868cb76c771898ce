import { sleep, withDeadline } from './deadline.ts';
import type { SafeEmitter } from './emitter.ts';
import { unpackLines } from './input.ts';
import { FEED_KEY, joinSeq, keysOf, streamId } from './keys.ts';
import type { FeedConnection, RedisLike } from './redis.ts';
import type { Change, SeatState } from './types.ts';

const BLOCK_MS = 2_000;
const PATIENCE_MS = 3_000;
const RETRY_MS = 200;

/**
 * Follows the pool's stream on a connection of its own, which it makes by `duplicate()` and closes.
 * It reads on from the last entry after a lost connection, so a short one loses nothing.
 */
export class Feed {
  readonly #redis: RedisLike;
  readonly #key: string;
  readonly #position: () => Promise<number>;
  readonly #emitter: SafeEmitter;
  #connection: FeedConnection | null = null;
  #starting: Promise<void> | null = null;
  #seq = 0;
  #closed = false;

  /** @param position where the pool stands: the steps after it are told */
  constructor(
    redis: RedisLike,
    pool: string,
    position: () => Promise<number>,
    emitter: SafeEmitter,
  ) {
    this.#redis = redis;
    this.#key = keysOf(pool)[FEED_KEY] as string;
    this.#position = position;
    this.#emitter = emitter;
  }

  /** Resolves when every later step will be told. Idempotent. */
  start(): Promise<void> {
    this.#starting ??= this.#position().then(
      (seq) => {
        this.#seq = seq;
        void this.#follow();
      },
      (error) => {
        this.#starting = null;
        throw error;
      },
    );
    return this.#starting;
  }

  close(): void {
    this.#closed = true;
    this.#connection?.disconnect();
  }

  async #follow(): Promise<void> {
    while (!this.#closed) {
      try {
        const reply = await this.#read();
        for (const [id, fields] of entriesOf(reply, this.#key)) {
          if (this.#closed) return;
          this.#step(id, fields);
        }
      } catch (error) {
        this.#connection?.disconnect();
        this.#connection = null;
        if (this.#closed) return;
        this.#emitter.emit('fault', error);
        await sleep(RETRY_MS);
      }
    }
  }

  #read(): Promise<unknown> {
    if (this.#connection === null) {
      this.#connection = this.#redis.duplicate();
      this.#connection.on('error', (error) => this.#emitter.emit('fault', error));
    }
    const args = ['COUNT', 256, 'BLOCK', BLOCK_MS, 'STREAMS', this.#key, streamId(this.#seq)];
    return withDeadline(
      this.#connection.xread(...args),
      BLOCK_MS + PATIENCE_MS,
      () => new Error('the feed of the pool does not answer'),
    );
  }

  #step(id: string, fields: Map<string, string>): void {
    const [epoch = 0, position = 0] = id.split('-').map(Number);
    const seq = joinSeq(epoch, position);
    const gap = seq !== this.#seq + 1;
    this.#seq = seq;
    if (gap) this.#emitter.emit('gap', { seq });
    const { changes, expired } = readStep(fields.get('c') ?? '', fields.get('t') ?? '');
    this.#emitter.emit('change', { seq, changes });
    if (expired.length > 0) this.#emitter.emit('expired', { seq, ids: expired });
  }
}

const SEAT_AFTER: Record<string, SeatState> = {
  p: 'held',
  s: 'sold',
  f: 'free',
  r: 'free',
  e: 'free',
  v: 'free',
};

/** @param counts `SKU free held sold total;...`, @param transitions lines of `state id items` */
function readStep(counts: string, transitions: string): { changes: Change[]; expired: string[] } {
  const changes = new Map<string, Change>();
  for (const text of counts === '' ? [] : counts.split(';')) {
    const [sku = '', free, held, sold] = text.split(' ');
    changes.set(sku, { sku, free: Number(free), held: Number(held), sold: Number(sold) });
  }
  const expired: string[] = [];
  for (const text of transitions === '' ? [] : transitions.split('\n')) {
    const [state = '', id = '', items = ''] = text.split(' ');
    if (state === 'e') expired.push(id);
    const seatState = SEAT_AFTER[state];
    if (seatState === undefined || !items.includes('@')) continue;
    for (const { sku, seats } of unpackLines(items)) {
      const change = changes.get(sku);
      if (change === undefined || seats.length === 0) continue;
      change.seats ??= {};
      for (const seat of seats) change.seats[seat] = seatState;
    }
  }
  return { changes: [...changes.values()], expired };
}

/** XREAD's reply is a list in RESP2, a Map or an object in RESP3. */
function entriesOf(reply: unknown, key: string): [string, Map<string, string>][] {
  if (reply === null || reply === undefined) return [];
  const streams: [string, unknown][] = Array.isArray(reply)
    ? reply
    : reply instanceof Map
      ? [...reply]
      : Object.entries(reply);
  const entries = streams.find(([name]) => name.endsWith(key))?.[1];
  return ((entries ?? []) as [string, unknown][]).map(([id, fields]) => [id, fieldsOf(fields)]);
}

function fieldsOf(fields: unknown): Map<string, string> {
  if (fields instanceof Map) return fields;
  const map = new Map<string, string>();
  if (Array.isArray(fields)) {
    for (let i = 0; i + 1 < fields.length; i += 2) map.set(fields[i], fields[i + 1]);
  } else for (const [name, value] of Object.entries(fields ?? {})) map.set(name, String(value));
  return map;
}
