import { sleep } from './deadline.ts';
import { JOURNAL_MS, type Journal } from './journal.ts';
import type { Belief, Link } from './link.ts';
import { type RebuildContext, rebuild } from './rebuild.ts';
import type { Ledger } from './store.ts';
import type { Difference } from './types.ts';
import { compare, readDump } from './verify.ts';

const ATTEMPTS = 4;
const PAUSE_MS = 40;

type RecoveryContext = Omit<RebuildContext, 'journalDelayMs'> & {
  link: Link;
  journal: Journal;
  onRebuilt: (epoch: number) => void;
};

/** Finds out whether Redis still holds the truth, and fills it again when it does not. */
export class Recovery {
  readonly #context: RecoveryContext;

  constructor(context: RecoveryContext) {
    this.#context = context;
  }

  /** Redis answered that its data is missing, of another epoch, or behind: the epoch to believe in. */
  recover(belief: Belief): Promise<number> {
    const { link } = this.#context;
    return this.#rebuild(
      belief,
      async (believed) => (await link.probe(believed, ['work'])) === null,
    );
  }

  /** Whatever Redis holds, fills it again. */
  async force(): Promise<void> {
    const { link } = this.#context;
    link.adopt(await this.#rebuild(link.belief, async () => true));
  }

  /**
   * Something cannot be as it is, or the hold `lostId` cannot be unknown: compares all under the
   * lock, and rebuilds if it is so.
   */
  async suspect(lostId?: string): Promise<void> {
    const { link } = this.#context;
    const stillLost = async (believed: Belief, ledger: () => Promise<Ledger>) => {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const dump = await link.probe(believed, ['dump']);
        if (dump === null) return true;
        const known = await ledger();
        if (compare(readDump(dump), known).length === 0) {
          // journalled, not ended, and still unknown: what has ended would be remembered
          if (lostId === undefined || !known.open.some(({ id }) => id === lostId)) return false;
          return (await link.probe(believed, ['get', lostId]))?.[0] === 'none';
        }
        await sleep(PAUSE_MS);
      }
      return true;
    };
    link.adopt(await this.#rebuild(link.belief, stillLost));
  }

  /** What differs between Redis and PostgreSQL, and goes on differing when looked at again. */
  async differences(): Promise<Difference[]> {
    const { link, store, pool } = this.#context;
    for (let attempt = 1; ; attempt++) {
      const { result } = await link.unbounded(['dump']);
      const found = compare(readDump(result), await store.ledger(pool));
      if (found.length === 0 || attempt === ATTEMPTS) return found;
      await sleep(PAUSE_MS); // a sale may have happened between the two looks
    }
  }

  async #rebuild(
    belief: Belief,
    stillLost: (believed: Belief, ledger: () => Promise<Ledger>) => Promise<boolean>,
  ): Promise<number> {
    const { journal, onRebuilt } = this.#context;
    await journal.flush();
    const context = { ...this.#context, journalDelayMs: 4 * JOURNAL_MS };
    const { epoch, rebuilt } = await rebuild(context, belief, stillLost);
    if (rebuilt) onRebuilt(epoch);
    return epoch;
  }
}
