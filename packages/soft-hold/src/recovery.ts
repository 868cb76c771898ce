import { sleep } from './deadline.ts';
import { HoldUnavailableError } from './errors.ts';
import { JOURNAL_MS, type Journal } from './journal.ts';
import type { Belief, Link } from './link.ts';
import { type RebuildContext, rebuild } from './rebuild.ts';
import type { LockedPool, Where } from './store.ts';
import type { Difference, OnProgress } from './types.ts';
import { compare, readDump } from './verify.ts';

const ATTEMPTS = 4;
const PAUSE_MS = 40;

type RecoveryContext = Omit<RebuildContext, 'journalDelayMs' | 'now' | 'onProgress'> & {
  link: Link;
  journal: Journal;
  onRebuilt: (where: Where) => void;
};

/** Finds out whether the board still holds the truth, and fills it again when it does not. */
export class Recovery {
  readonly #context: RecoveryContext;

  constructor(context: RecoveryContext) {
    this.#context = context;
  }

  /** The board answered that its data is missing, of another epoch, or behind: what to believe in. */
  async recover(belief: Belief): Promise<Where> {
    const { link, redis, store, pool } = this.#context;
    const where = await store.where(pool);
    if (where === null) throw new HoldUnavailableError('postgres', `Pool ${pool} is gone`);
    if (redis === null) {
      if (where.board === 'redis' && where.epoch > 0)
        throw new HoldUnavailableError(
          'redis',
          `The holds of ${pool} are in Redis: give \`redis\``,
        );
      if (where.board === 'store') return where;
      return this.#rebuild(belief, async (_, locked) => (locked.epoch === 0 ? 'store' : null));
    }
    if (where.board === 'store') return where;
    return this.#rebuild(belief, async (believed, locked) => {
      if (locked.board === 'store') return null;
      return (await link.probe(believed, ['work'])) === null ? 'redis' : null;
    });
  }

  /** Whatever the board holds, fills it again. */
  async force(onProgress?: OnProgress): Promise<void> {
    const { link } = this.#context;
    link.adopt(await this.#rebuild(link.belief, async (_, { board }) => board, onProgress));
  }

  /** To the store's own board, unless Redis answers after all or somebody was first. */
  async toStore(): Promise<void> {
    const { link } = this.#context;
    const lost = async ({ epoch }: Belief, { board }: LockedPool) =>
      board === 'store' || epoch !== link.epoch || (await link.redisAnswers()) ? null : 'store';
    link.adopt(await this.#rebuild(link.belief, lost));
  }

  /** Back to Redis, unless somebody was first. */
  async toRedis(): Promise<void> {
    const { link } = this.#context;
    const lost = async (_: Belief, { board }: LockedPool) => (board === 'store' ? 'redis' : null);
    link.adopt(await this.#rebuild(link.belief, lost));
  }

  /**
   * Something cannot be as it is, or the hold `lostId` cannot be unknown: compares all under the
   * lock, and rebuilds if it is so. The store's own board cannot lose what the store keeps.
   */
  async suspect(lostId?: string): Promise<void> {
    const { link } = this.#context;
    if (link.where.board === 'store') return;
    const lost = async (believed: Belief, { board, ledger }: LockedPool) => {
      if (board === 'store') return null;
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const dump = await link.probe(believed, ['dump']);
        if (dump === null) return 'redis';
        const known = await ledger();
        if (compare(readDump(dump), known).length === 0) {
          // journalled, not ended, and still unknown: what has ended would be remembered
          if (lostId === undefined || !known.open.some(({ id }) => id === lostId)) return null;
          return (await link.probe(believed, ['get', lostId]))?.[0] === 'none' ? 'redis' : null;
        }
        await sleep(PAUSE_MS);
      }
      return 'redis';
    };
    link.adopt(await this.#rebuild(link.belief, lost));
  }

  /** What differs between board and store, and goes on differing when looked at again. */
  async differences(onProgress: OnProgress = () => {}): Promise<Difference[]> {
    const { link, store, pool } = this.#context;
    for (let attempt = 1; ; attempt++) {
      onProgress(0, 3);
      const { result } = await link.unbounded(['dump']);
      onProgress(1, 3);
      const ledger = await store.ledger(pool);
      onProgress(2, 3);
      const found = compare(readDump(result), ledger);
      onProgress(3, 3);
      if (found.length === 0 || attempt === ATTEMPTS) return found;
      await sleep(PAUSE_MS); // a sale may have happened between the two looks
    }
  }

  async #rebuild(
    belief: Belief,
    lost: Parameters<typeof rebuild>[2],
    onProgress: OnProgress = () => {},
  ): Promise<Where> {
    const { journal, onRebuilt, link } = this.#context;
    await journal.flush();
    const now = () => link.estimatedNow();
    const context = { ...this.#context, journalDelayMs: 4 * JOURNAL_MS, now, onProgress };
    const { epoch, board, rebuilt } = await rebuild(context, belief, lost);
    if (rebuilt) onRebuilt({ epoch, board });
    return { epoch, board };
  }
}
