import { sleep } from './deadline.ts';
import { HoldUnavailableError } from './errors.ts';
import { unpackLines } from './input.ts';
import type { Belief } from './link.ts';
import type { Settings } from './options.ts';
import type { PoolScripts } from './redis.ts';
import type { HoldStore, JournalEntry, Ledger } from './store.ts';

const CHUNK = 500;

/** What a rebuild needs to know of its pool. */
export type RebuildContext = {
  pool: string;
  store: HoldStore;
  scripts: PoolScripts;
  settings: Settings;
  /** How long to wait until every process has written down what it granted before the loss. */
  journalDelayMs: number;
};

/**
 * Makes sure that Redis holds the pool, refilling it from PostgreSQL under a new epoch if it does
 * not, and answers the epoch to believe in.
 *
 * All who find data missing come here at about the same time, and late replies send more. The lock
 * lets one in at a time, and `stillLost` looks again with what PostgreSQL says now: so the first
 * rebuilds, and the rest only learn the epoch.
 *
 * @param belief what the caller thought; null when it knows nothing
 */
export function rebuild(
  context: RebuildContext,
  belief: Belief,
  stillLost: (believed: Belief, ledger: () => Promise<Ledger>) => Promise<boolean>,
): Promise<{ epoch: number; rebuilt: boolean }> {
  const { pool, store, scripts, settings } = context;
  return store.locked(pool, async (locked) => {
    const leastSeq = locked.epoch === belief.epoch ? belief.leastSeq : 0;
    if (!(await stillLost({ epoch: locked.epoch, leastSeq }, locked.ledger))) {
      return { epoch: locked.epoch, rebuilt: false };
    }
    if (locked.epoch > 0) await sleep(context.journalDelayMs);
    const nonce = crypto.randomUUID();
    const clock = settings.clock === null ? '' : Math.floor(settings.clock());
    let epoch = locked.epoch + 1;
    let now = await scripts.load('start', epoch, nonce, clock);
    // a loader that died after filling Redis and before its commit left a later epoch behind
    for (; now === 'refused'; now = await scripts.load('start', epoch, nonce, clock)) epoch++;
    const ledger = await locked.advance(epoch);
    for (const chunk of chunks(ledger, Number(now), settings)) {
      await step(scripts, 'chunk', nonce, JSON.stringify(chunk));
    }
    await step(scripts, 'finish', nonce, epoch, locked.paused ? 1 : 0);
    return { epoch, rebuilt: true };
  });
}

async function step(scripts: PoolScripts, ...args: (string | number)[]): Promise<void> {
  const answer = await scripts.load(...args);
  if (answer !== 'ok')
    throw new HoldUnavailableError('redis', 'Another process is filling the pool');
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

type Chunk = Record<'h' | 'x' | 'g' | 'u' | 'o' | 'c', (string | number)[]>;

function emptyChunk(): Chunk {
  return { h: [], x: [], g: [], u: [], o: [], c: [] };
}

/** The pool's data as the load script takes it, a few hundred holds at a time. */
function* chunks(ledger: Ledger, now: number, settings: Settings): Generator<Chunk> {
  const held = new Map<string, number>();
  const open = surviving(ledger, now, settings.graceMs);
  let chunk = emptyChunk();
  let size = 0;
  const add = (hold: JournalEntry, state: 'p' | 's') => {
    const lines = unpackLines(hold.items);
    const { id, token, createdAt, expiresAt, holder, items } = hold;
    chunk.h.push(id, `${state} ${token} ${createdAt} ${expiresAt} ${holder} ${items}`);
    if (state === 'p') chunk.x.push(expiresAt, id);
    else chunk.g.push(now + settings.replayMs, id);
    chunk.u.push(
      holder,
      lines.reduce((sum, line) => sum + line.quantity, 0),
    );
    for (const { sku, quantity, seats } of lines) {
      if (state === 'p') held.set(sku, (held.get(sku) ?? 0) + quantity);
      for (const seat of seats) chunk.o.push(`${sku}/${seat}`, `${state === 'p' ? 'h' : 's'}${id}`);
    }
    size += 1 + lines.reduce((sum, line) => sum + line.seats.length, 0);
  };
  for (const hold of open) {
    add(hold, 'p');
    if (size >= CHUNK) {
      yield chunk;
      chunk = emptyChunk();
      size = 0;
    }
  }
  for (const { id, holder, items } of ledger.sold) {
    add({ id, holder, items, token: '0', createdAt: now, expiresAt: now }, 's');
    if (size >= CHUNK) {
      yield chunk;
      chunk = emptyChunk();
      size = 0;
    }
  }
  for (const { sku, total, sold } of ledger.skus) {
    const units = held.get(sku) ?? 0;
    chunk.c.push(sku, `${total - sold - units} ${units} ${sold} ${total}`);
  }
  yield chunk;
}
