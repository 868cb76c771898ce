import { withDeadline } from './deadline.ts';
import { HoldUnavailableError } from './errors.ts';
import type { HoldStore } from './store.ts';
import type { AvailabilitySnapshot } from './types.ts';

type Pool = {
  readonly pool: string;
  available(options: { signal: AbortSignal }): Promise<AvailabilitySnapshot>;
};

const PATIENCE_MS = 10_000;

/** Well when Redis tells the counts and the store answers. */
export function healthCheckOf(
  pool: Pool,
  store: HoldStore,
): { name: string; check(signal: AbortSignal): Promise<unknown> } {
  const late = () => new HoldUnavailableError('postgres', 'PostgreSQL did not answer');
  return {
    name: `soft-hold:${pool.pool}`,
    check: async (signal) => {
      const [{ seq, skus }] = await Promise.all([
        pool.available({ signal }),
        withDeadline(store.ping(), PATIENCE_MS, late, signal),
      ]);
      return { seq, skus };
    },
  };
}
