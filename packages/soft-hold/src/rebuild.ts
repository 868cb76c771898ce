import { sleep } from './deadline.ts';
import type { HoldRow } from './engine/pool-state.ts';
import { HoldUnavailableError } from './errors.ts';
import { unpackLines } from './items.ts';
import type { Belief } from './link.ts';
import type { Settings } from './options.ts';
import type { RedisBoard } from './redis.ts';
import { plansOf } from './stock.ts';
import type { HoldStore, JournalEntry, Ledger, LockedPool, Where } from './store.ts';
import type { OnProgress } from './types.ts';

const CHUNK = 500;
const FILL = 5_000;
const MOST_TRIES = 5;

/** What a rebuild needs to know of its pool. */
export type RebuildContext = {
  pool: string;
  store: HoldStore;
  /** null when the pool has no Redis. */
  redis: RedisBoard | null;
  settings: Settings;
  /** How long to wait until every process has written down what it granted before the loss. */
  journalDelayMs: number;
  /** The board's time as far as this process knows it, in ms. */
  now: () => number;
  onProgress: OnProgress;
};

/**
 * Makes sure that the pool is where it should be: `lost` says to which board it must be brought anew
 * out of the store, under a new epoch, or null when all is well. Answers where it is.
 *
 * All who find data missing come here at about the same time, and late replies send more. The lock
 * lets one in at a time, and `lost` looks again with what the store says now: so the first rebuilds,
 * and the rest only learn the epoch.
 *
 * @param belief what the caller thought
 */
export function rebuild(
  context: RebuildContext,
  belief: Belief,
  lost: (believed: Belief, locked: LockedPool) => Promise<Where['board'] | null>,
): Promise<Where & { rebuilt: boolean }> {
  const { pool, store } = context;
  return store.locked(pool, async (locked) => {
    const leastSeq = locked.epoch === belief.epoch ? belief.leastSeq : 0;
    const board = await lost({ epoch: locked.epoch, leastSeq }, locked);
    if (board === null) return { epoch: locked.epoch, board: locked.board, rebuilt: false };
    if (locked.epoch > 0 && locked.board === 'redis') await sleep(context.journalDelayMs);
    const epoch = await (board === 'redis' ? fillRedis : fillStore)(context, locked);
    return { epoch, board, rebuilt: true };
  });
}

async function fillRedis(context: RebuildContext, locked: LockedPool): Promise<number> {
  const { settings } = context;
  const redis = context.redis as RedisBoard;
  const nonce = crypto.randomUUID();
  const clock = settings.clock === null ? '' : Math.floor(settings.clock());
  let epoch = locked.epoch + 1;
  let now = await redis.load('start', epoch, nonce, clock);
  // a loader that died after filling Redis and before its commit left a later epoch behind
  for (; now === 'refused'; now = await redis.load('start', epoch, nonce, clock)) epoch++;
  const ledger = await locked.advance(epoch, 'redis');
  for (let tries = 1; now !== 'refused'; tries++) {
    if (await filled(context, ledger, Number(now), nonce, [epoch, locked.paused ? 1 : 0]))
      return epoch;
    if (tries === MOST_TRIES) break;
    await locked.ledger(); // rejects when the lock is lost, and somebody else fills the pool
    now = await redis.load('start', epoch, nonce, clock);
  }
  throw new HoldUnavailableError('redis', 'Redis lost the pool again while it was filled');
}

/** False when Redis no longer has what was begun. */
async function filled(
  { redis, settings, onProgress }: RebuildContext,
  ledger: Ledger,
  now: number,
  nonce: string,
  finish: [epoch: number, paused: number],
): Promise<boolean> {
  const load = (redis as RedisBoard).load.bind(redis);
  const total = ledger.sold.length + ledger.open.length + 1;
  let done = 0;
  for (const chunk of chunks(ledger, now, settings)) {
    onProgress(Math.min(done, total - 1), total);
    if ((await load('chunk', nonce, JSON.stringify(chunk))) !== 'ok') return false;
    done += chunk.h.length / 2;
  }
  if ((await load('finish', nonce, ...finish)) !== 'ok') return false;
  onProgress(total, total);
  return true;
}

async function fillStore(context: RebuildContext, locked: LockedPool): Promise<number> {
  const { settings } = context;
  const epoch = locked.epoch + 1;
  const now = context.now();
  const ledger = await locked.advance(epoch, 'store');
  const due = now + settings.replayMs;
  const sold = ledger.sold.map((sale): HoldRow => {
    const refilled = { token: '0', created: now, expires: now, due };
    return { ...sale, ...refilled, s: 's' };
  });
  const open = surviving(ledger, now, settings.graceMs).map((entry): HoldRow => {
    const { id, token, holder, items, want, createdAt: created, expiresAt: expires } = entry;
    return { id, s: 'p', token, created, expires, holder, items, want, due: expires };
  });
  const rows = [...sold, ...open];
  for (let i = 0; i < rows.length; i += FILL) await locked.fill(rows.slice(i, i + FILL), now);
  if (rows.length === 0) await locked.fill([], now);
  return epoch;
}

/**
 * The journal's holds that still fit, newest first: of two that claim the same unit the older one
 * was released before the newer was granted, even if the journal has not heard of it.
 */
export function surviving(ledger: Ledger, now: number, graceMs: number): JournalEntry[] {
  const free = new Map(ledger.skus.map(({ sku, total, sold }) => [sku, total - sold]));
  const taken = new Set<string>();
  const seats = (items: string) =>
    unpackLines(items).flatMap((line) => line.seats.map((seat) => `${line.sku}/${seat}`));
  for (const { items } of ledger.sold) for (const seat of seats(items)) taken.add(seat);
  return ledger.open.filter(({ items, expiresAt }) => {
    const lines = unpackLines(items);
    const fits =
      expiresAt + graceMs > now &&
      lines.every(({ sku, quantity }) => (free.get(sku) ?? 0) >= quantity) &&
      !seats(items).some((seat) => taken.has(seat));
    if (!fits) return false;
    for (const { sku, quantity } of lines) free.set(sku, (free.get(sku) ?? 0) - quantity);
    for (const seat of seats(items)) taken.add(seat);
    return true;
  });
}

type Chunk = Record<'h' | 'x' | 'g' | 'u' | 'o' | 'c' | 'r', (string | number)[]>;

function emptyChunk(): Chunk {
  return { h: [], x: [], g: [], u: [], o: [], c: [], r: [] };
}

/** The pool's data as the load script takes it, a few hundred holds at a time. */
function* chunks(ledger: Ledger, now: number, settings: Settings): Generator<Chunk> {
  const held = new Map<string, number>();
  const plans = plansOf(ledger.skus);
  let chunk = emptyChunk();
  let size = 0;
  const add = (hold: JournalEntry, state: 'p' | 's') => {
    const lines = unpackLines(hold.items);
    const { id, token, createdAt, expiresAt, holder, items, want } = hold;
    const record = `${state} ${token} ${createdAt} ${expiresAt} ${holder} ${items} ${want}`;
    chunk.h.push(id, record.trimEnd());
    if (state === 'p') chunk.x.push(expiresAt, id);
    else chunk.g.push(now + settings.replayMs, id);
    chunk.u.push(
      holder,
      lines.reduce((sum, line) => sum + line.quantity, 0),
    );
    for (const { sku, quantity, seats } of lines) {
      if (state === 'p') held.set(sku, (held.get(sku) ?? 0) + quantity);
      for (const seat of seats) chunk.o.push(`${sku}/${seat}`, `${state === 'p' ? 'h' : 's'}${id}`);
      if (seats.length > 0) plans.get(sku)?.paint(seats, false);
    }
    size += 1 + lines.reduce((sum, line) => sum + line.seats.length, 0);
  };
  function* full(): Generator<Chunk> {
    if (size < CHUNK) return;
    yield chunk;
    chunk = emptyChunk();
    size = 0;
  }
  for (const hold of surviving(ledger, now, settings.graceMs)) {
    add(hold, 'p');
    yield* full();
  }
  for (const sale of ledger.sold) {
    add({ ...sale, token: '0', createdAt: now, expiresAt: now }, 's');
    yield* full();
  }
  for (const [sku, plan] of plans) {
    for (const field of plan.fields(sku)) {
      chunk.r.push(...field);
      size++;
      yield* full();
    }
  }
  for (const { sku, total, sold } of ledger.skus) {
    const units = held.get(sku) ?? 0;
    chunk.c.push(sku, `${total - sold - units} ${units} ${sold} ${total}`);
  }
  yield chunk;
}
