import type { Answer } from './batcher.ts';
import { unpackItems } from './items.ts';
import type { JournalEntry } from './store.ts';
import type { EndedState, Hold, HoldResult, HoldState } from './types.ts';

const STATES: Record<string, HoldState> = {
  q: 'queued',
  p: 'pending',
  c: 'committing',
  s: 'confirmed',
  d: 'returning',
  b: 'returned',
  r: 'released',
  t: 'released',
  e: 'expired',
  v: 'void',
};

/** The state behind the script's letter; an unknown hold has run out long ago. */
export function stateOf(letter: unknown): HoldState {
  return STATES[String(letter)] ?? 'expired';
}

/** A hold out of `held token created expires replayed holder items`, and the like of `get`. */
export function holdOf(id: string, { result, now }: Answer): Hold {
  const [createdAt, expiresAt] =
    result[0] === 'record' ? [result[3], result[4]] : [result[2], result[3]];
  return {
    id,
    holder: String(result[5]),
    items: unpackItems(String(result[6])),
    token: String(result[0] === 'record' ? result[2] : result[1]),
    createdAt: Number(createdAt),
    expiresAt: Number(expiresAt),
    serverNow: now,
  };
}

/** What the journal keeps of a `held` result. */
export function entryOf(id: string, result: unknown[]): JournalEntry {
  return {
    id,
    token: String(result[1]),
    createdAt: Number(result[2]),
    expiresAt: Number(result[3]),
    holder: String(result[5]),
    items: String(result[6]),
    want: String(result[7] ?? ''),
  };
}

/** The answer to a `hold`. */
export function holdResultOf(id: string, answer: Answer): HoldResult {
  const { result, now } = answer;
  switch (result[0]) {
    case 'held':
      return { status: 'held', hold: holdOf(id, answer), replayed: result[4] === 1 };
    case 'sold_out': {
      const retryAt = Number(result[3]);
      return {
        status: 'sold_out',
        sku: String(result[1]),
        free: Number(result[2]),
        retryAt: retryAt === 0 ? null : retryAt,
        serverNow: now,
      };
    }
    case 'queued':
      return { status: 'queued', position: Number(result[1]) };
    case 'seat_taken':
      return { status: 'seat_taken', sku: String(result[1]), seats: [...(result[2] as string[])] };
    case 'limit':
      return { status: 'limit', limit: Number(result[1]), current: Number(result[2]) };
    case 'conflict':
    case 'closed':
      return { status: result[0] };
    default:
      return { status: 'released', reason: stateOf(result[1]) as EndedState };
  }
}
