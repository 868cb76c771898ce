import type { Health } from './health.ts';
import type { CheckHistory } from './history.ts';
import type { CheckReport, GroupReport, HealthStatus } from './report.ts';

/** What a probe is answered with, whatever the HTTP framework. */
export interface ProbeAnswer {
  readonly statusCode: 200 | 404 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const HEADERS = {
  'content-type': 'application/health+json; charset=utf-8',
  // A probe's answer is about this moment; an intermediary must not keep it.
  'cache-control': 'no-store',
} as const;

function answerOf(statusCode: ProbeAnswer['statusCode'], content: object): ProbeAnswer {
  const body = JSON.stringify(content);
  const headers = { ...HEADERS, 'content-length': String(Buffer.byteLength(body)) };
  return { statusCode, headers, body };
}

/** All that anybody without the token may learn; serialised once. */
const PLAIN: Readonly<Record<HealthStatus, ProbeAnswer>> = {
  pass: answerOf(200, { status: 'pass' }),
  warn: answerOf(200, { status: 'warn' }),
  fail: answerOf(503, { status: 'fail' }),
};
const DRAINING = answerOf(503, { status: 'fail', notes: ['draining'] });
const UNKNOWN = answerOf(404, { status: 'fail', output: 'no such group' });

const PROBES: ReadonlyMap<string, string> = new Map([
  ['/live', 'liveness'],
  ['/ready', 'readiness'],
  ['/startup', 'startup'],
]);

/**
 * Answers `/live`, `/ready`, `/startup`, `/health` (all checks) and `/health/<group>`; undefined for any other path.
 * 200 for `pass` and `warn`, 503 for `fail`, 404 for an unknown group.
 */
export function answerProbe(
  health: Health,
  path: string,
  authorization: string | undefined,
): Promise<ProbeAnswer> | undefined {
  const probe = PROBES.get(path);
  if (probe !== undefined) return answer(health, health.group(probe), authorization);
  if (path === '/health') return answer(health, health.all(), authorization);
  if (!path.startsWith('/health/')) return undefined;
  const group = path.slice('/health/'.length);
  if (health.hasGroup(group)) return answer(health, health.group(group), authorization);
  return Promise.resolve(UNKNOWN);
}

async function answer(
  health: Health,
  pending: Promise<GroupReport>,
  authorization: string | undefined,
): Promise<ProbeAnswer> {
  const report = await pending;
  if (authorization !== undefined && health.mayReadDetails(authorization)) {
    return answerOf(PLAIN[report.status].statusCode, toHealthJson(health, report));
  }
  const isLeaving = report.isDraining && report.status === 'fail';
  return isLeaving ? DRAINING : PLAIN[report.status];
}

/**
 * The detailed body.
 * @see https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check-06
 */
function toHealthJson(health: Health, report: GroupReport): object {
  const checks: Record<string, readonly object[]> = {};
  for (const check of report.checks) {
    checks[`${check.name}:responseTime`] = [toHealthCheck(check, health.history(check.name))];
  }
  return {
    status: report.status,
    serviceId: report.service,
    ...(report.version !== undefined && { version: report.version }),
    description: `health of ${report.service}: ${report.group}`,
    ...(report.isDraining && { notes: ['draining'] }),
    checks,
  };
}

function toHealthCheck(check: CheckReport, history: CheckHistory): object {
  return {
    status: check.status,
    ...(check.durationMs !== undefined && {
      observedValue: Math.round(check.durationMs * 100) / 100,
      observedUnit: 'ms',
    }),
    ...(check.checkedAt !== undefined && { time: check.checkedAt }),
    ...(check.reason !== undefined && { output: check.reason }),
    // The draft allows further members; these say how the status came about.
    scope: check.scope,
    groups: check.groups,
    ...(check.isAlone && { isAlone: true }),
    ...(check.data !== undefined && { data: check.data }),
    history,
  };
}
