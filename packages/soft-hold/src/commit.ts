import type { Journal } from './journal.ts';
import { epochOf } from './keys.ts';
import type { Link } from './link.ts';
import type { Settings } from './options.ts';
import { stateOf } from './results.ts';
import type { HoldStore, Transaction } from './store.ts';
import type { CommitResult, Hold, HoldState, ReleaseResult, ReturnResult } from './types.ts';

const ATTEMPTS = 4;

/** What the three steps of a sale need of their pool. */
export type CommitContext = {
  pool: string;
  store: HoldStore;
  link: Link;
  journal: Journal;
  settings: Settings;
  /** Redis contradicts PostgreSQL or itself, or has forgotten this hold: find out, rebuild if so. */
  suspect: (lostId?: string) => Promise<void>;
  onFault: (error: unknown) => void;
};

/**
 * begin in Redis (the hold stops expiring), decide in PostgreSQL, finish in Redis.
 *
 * Only the middle step decides. A process that dies before it leaves a hold that the reconciler
 * voids at the commit deadline, one that dies after it a sale that the reconciler finishes.
 */
export async function commitHold(
  context: CommitContext,
  hold: Pick<Hold, 'id' | 'token'> & { expiresAt?: unknown },
  work: (tx: Transaction) => Promise<void>,
  signal?: AbortSignal,
): Promise<CommitResult> {
  const { link, store, pool } = context;
  for (let attempt = 1; ; attempt++) {
    const { epoch, now, result } = await link.request(['begin', hold.id, hold.token], signal);
    if (result[0] !== 'committing') {
      const state = String(result[1]);
      if (state === 's') return { status: 'already_sold' };
      const outcome = await store.outcome(pool, hold.id);
      if (outcome === 'sold') {
        await context.suspect(); // bought, and Redis does not know
        return { status: 'already_sold' };
      }
      if (outcome !== null) return { status: outcome };
      if (state === '-' && attempt < ATTEMPTS && shouldLive(context, hold, epoch, now)) {
        await context.suspect(hold.id);
        continue;
      }
      return { status: state === 'r' || state === 'v' || state === 't' ? 'void' : 'expired' };
    }
    signal?.throwIfAborted();
    const decision = {
      pool,
      id: hold.id,
      holder: String(result[1]),
      items: String(result[2]),
      want: String(result[3]),
      epoch,
    };
    const verdict = await store.decide(decision, work);
    switch (verdict) {
      case 'sold':
      case 'already_sold':
        await finishHold(context, hold.id, 's');
        return { status: verdict };
      case 'void':
      case 'returned':
        await finishHold(context, hold.id, 'v');
        return { status: verdict };
      case 'overdrawn': {
        const outcome = await store.decideVoid(decision);
        await finishHold(context, hold.id, outcome === 'sold' ? 's' : 'v');
        await context.suspect();
        return { status: outcome === 'sold' ? 'already_sold' : 'void' };
      }
      case 'stale_epoch':
        // rebuilt since begin; if the hold survived, it can be begun again
        await link.recover();
        if (attempt === ATTEMPTS) return { status: 'expired' };
    }
  }
}

/**
 * Gives a hold's units back; one that is being committed only if PostgreSQL has not decided for it.
 *
 * @param token '' for whatever hold has this id
 */
export async function releaseHold(
  context: CommitContext,
  id: string,
  token: string,
  signal?: AbortSignal,
): Promise<ReleaseResult> {
  const { result, now } = await context.link.request(['release', id, token], signal);
  if (result[1] === '-') return { status: 'released' }; // unknown until now: a tombstone was left
  if (result[2] !== undefined) endInJournal(context, id, result[2], now);
  let state = stateOf(result[1]);
  if (state === 'committing') state = await settleHold(context, id);
  if (state === 'confirmed' || state === 'returning') return { status: 'sold' };
  return { status: state === 'expired' ? 'expired' : 'released' };
}

/**
 * Tells Redis what PostgreSQL decided. A failure is no failure of the sale: the reconciler finishes
 * it at the commit deadline.
 */
export async function finishHold(
  context: CommitContext,
  id: string,
  state: 's' | 'v' | 'b',
): Promise<void> {
  try {
    const { result, now } = await context.link.request(['finish', id, state]);
    if (result[0] === 'wrong') await context.suspect();
    else if (result[1] !== undefined) endInJournal(context, id, result[1], now);
  } catch (error) {
    context.onFault(error);
  }
}

/**
 * Ends a hold that is being committed: decides for void if nobody has decided, and finishes what
 * then stands. Answers the state it is in afterwards.
 */
export async function settleHold(context: CommitContext, id: string): Promise<HoldState> {
  const { result } = await context.link.request(['get', id]);
  if (result[0] === 'record' && result[1] === 'd') return settleReturn(context, id);
  if (result[0] !== 'record' || result[1] !== 'c') return stateOf(result[1]);
  const [holder, items] = [String(result[5]), String(result[6])];
  const outcome = await context.store.decideVoid({
    pool: context.pool,
    id,
    holder,
    items,
    want: '',
  });
  await finishHold(context, id, outcome === 'sold' ? 's' : 'v');
  return outcome === 'sold' ? 'confirmed' : 'void';
}

/**
 * Takes a sale back: pins it in Redis, lets the store decide together with the caller's rows, and
 * gives the units back. A process that dies on the way leaves what the reconciler settles.
 */
export async function returnHold(
  context: CommitContext,
  id: string,
  work: (tx: Transaction) => Promise<void>,
  signal?: AbortSignal,
): Promise<ReturnResult> {
  const { store, pool, link } = context;
  const sale = await store.sale(pool, id);
  if (sale === null || sale.outcome === 'void') return { status: 'not_sold' };
  if (sale.outcome === 'sold') {
    const { result } = await link.request(
      ['unsell', id, sale.holder, sale.items, sale.want],
      signal,
    );
    // not finished yet: then it is pinned for its sale, and finish brings it here
    if (result[1] === 'p' || result[1] === 'c') {
      await finishHold(context, id, 's');
      await link.request(['unsell', id, sale.holder, sale.items, sale.want], signal);
    }
  }
  const verdict = await store.decideReturn(pool, id, work);
  await finishHold(context, id, verdict === null ? 's' : 'b');
  return { status: verdict ?? 'not_sold' };
}

async function settleReturn(context: CommitContext, id: string): Promise<HoldState> {
  const returned = (await context.store.outcome(context.pool, id)) === 'returned';
  await finishHold(context, id, returned ? 'b' : 's');
  return returned ? 'returned' : 'confirmed';
}

/** The store's own board is its own journal. */
function endInJournal({ link, journal }: CommitContext, id: string, token: unknown, time: number) {
  if (link.where.board === 'redis') journal.end({ id, token: String(token), time });
}

/** A hold of this epoch that has not run out cannot be unknown, unless Redis lost it. */
function shouldLive(
  { settings }: CommitContext,
  { token, expiresAt }: { token: string; expiresAt?: unknown },
  epoch: number,
  now: number,
): boolean {
  return (
    epochOf(token) === epoch && typeof expiresAt === 'number' && now < expiresAt + settings.graceMs
  );
}
