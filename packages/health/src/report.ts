import type { CheckScope } from './check.ts';

/** `pass` well, `warn` in service but degraded or slow, `fail` out of service; the words of `application/health+json`. */
export type HealthStatus = 'pass' | 'warn' | 'fail';

/** What is known of one check at this moment. */
export interface CheckReport {
  readonly name: string;
  readonly scope: CheckScope;
  readonly groups: readonly string[];
  readonly status: HealthStatus;
  /** Why the status is not `pass`, without secrets. */
  readonly reason?: string;
  /** What the last good run returned: plain, small, without secrets. */
  readonly data?: unknown;
  /** How long the last run took, in ms. */
  readonly durationMs?: number;
  /** When the last result arrived, ISO 8601. */
  readonly checkedAt?: string;
  /** How old the last result is, in ms. */
  readonly ageMs?: number;
  /** Whether the answer that the status rests on is older than `staleAfterMs`: then it is a `fail`. */
  readonly isStale: boolean;
  /** Whether a quorum says that most other instances are well: then a shared failure counts as a local one. */
  readonly isAlone: boolean;
}

/** What one group of checks amounts to. */
export interface GroupReport {
  readonly group: string;
  readonly status: HealthStatus;
  readonly isDraining: boolean;
  readonly service: string;
  readonly version?: string;
  readonly checks: readonly CheckReport[];
}

/**
 * The status of a group. A local failure fails it, and so does a check that was never run. A shared failure only
 * degrades it, unless this instance is alone with it: every instance sees the same failure, and a service whose
 * instances all leave at once refuses everybody.
 */
export function worstOf(checks: readonly CheckReport[]): HealthStatus {
  let worst: HealthStatus = 'pass';
  for (const check of checks) {
    const isOurs = check.scope === 'local' || check.isAlone || check.checkedAt === undefined;
    if (check.status === 'fail' && isOurs) return 'fail';
    if (check.status !== 'pass') worst = 'warn';
  }
  return worst;
}
