import { CacheUnhealthyError } from './errors.ts';
import type { Partition } from './partition.ts';

/** What `healthCheck().check()` resolves with. */
export interface CacheHealth {
  /** Milliseconds until the master and near answered; 0 for a cache without Redis. */
  readonly masterMs: number;
  readonly nearMs: number;
  /** Invalidations that wait for the master. */
  readonly undelivered: number;
}

/**
 * Talks to the master and to near.
 *
 * @throws CacheUnhealthyError when one of them does not answer, or no change is heard
 */
export async function examine(
  namespace: string,
  partitions: readonly Partition[],
): Promise<CacheHealth> {
  const timed = async (name: string, call: Promise<unknown>): Promise<number> => {
    const start = performance.now();
    try {
      await call;
    } catch (cause) {
      throw new CacheUnhealthyError(namespace, `${name} does not answer`, { cause });
    }
    return performance.now() - start;
  };
  const ask = async ({ remote, confirmation, undelivered }: Partition): Promise<CacheHealth> => {
    if (remote === undefined) return { masterMs: 0, nearMs: 0, undelivered: 0 };
    const nearAnswers = remote.near.run((client) => client.get(remote.genKey));
    const [masterMs, nearMs] = await Promise.all([
      timed('master', remote.newest()),
      timed('near', nearAnswers),
    ]);
    if (!confirmation.confirmed) {
      const seconds = (confirmation.silentMs / 1_000).toFixed(1);
      throw new CacheUnhealthyError(namespace, `no change was heard for ${seconds} s`);
    }
    return { masterMs, nearMs, undelivered: undelivered.size };
  };
  const all = await Promise.all(partitions.map(ask));
  return {
    masterMs: Math.max(...all.map((one) => one.masterMs)),
    nearMs: Math.max(...all.map((one) => one.nearMs)),
    undelivered: all.reduce((sum, one) => sum + one.undelivered, 0),
  };
}
