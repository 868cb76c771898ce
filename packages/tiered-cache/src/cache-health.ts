import type { Confirmation } from './confirmation.ts';
import { CacheUnhealthyError } from './errors.ts';
import type { Remote } from './remote.ts';
import type { Undelivered } from './undelivered.ts';

/** What `healthCheck().check()` resolves with. */
export interface CacheHealth {
  readonly masterMs: number;
  readonly nearMs: number;
  readonly undelivered: number;
}

/**
 * Talks to the master and to near.
 *
 * @throws CacheUnhealthyError when one of them does not answer, or no change is heard
 */
export async function examine(
  namespace: string,
  remote: Remote,
  confirmation: Confirmation,
  undelivered: Undelivered,
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
  const [masterMs, nearMs] = await Promise.all([
    timed('master', remote.newest()),
    timed(
      'near',
      remote.near.run((client) => client.get(remote.genKey)),
    ),
  ]);
  if (!confirmation.confirmed) {
    const seconds = (confirmation.silentMs / 1_000).toFixed(1);
    throw new CacheUnhealthyError(namespace, `no change was heard for ${seconds} s`);
  }
  return { masterMs, nearMs, undelivered: undelivered.size };
}
