import { exitCodeOf, type Finding } from './finding.ts';
import { Fields } from './input.ts';

/** What a service says of itself, in seconds; every field has a default. */
export interface ProbeInput {
  /** From start until it can serve, at its slowest; default 30. */
  readonly startupSeconds?: number;
  /** The slowest request in 1,000; default 5. */
  readonly requestSeconds?: number;
  /** How long a job at hand may still take; default 0. */
  readonly jobSeconds?: number;
  /** How long endpoints need to forget a pod: the drain delay; default 5. */
  readonly drainDelaySeconds?: number;
  /** A `preStop` sleep beside it; default 0: the drain delay does it. */
  readonly preStopSeconds?: number;
  /** The slowest check's `timeoutMs`; default 500. */
  readonly checkTimeoutMs?: number;
  /** The checks' `failAfter`; default 3. */
  readonly failAfter?: number;
}

/** One probe of a container, in Kubernetes' own words. */
export interface Probe {
  readonly path: string;
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

/** What to write into the manifest, and into the options of `GracefulShutdown`. */
export interface ProbePlan {
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly terminationGracePeriodSeconds: number;
  readonly preStopSeconds: number;
  /** `graceMs` and `drainDelayMs` of `GracefulShutdown`: 2 s less than what is left after `preStop`. */
  readonly graceMs: number;
  readonly drainDelayMs: number;
  /** How long a failing dependency goes unnoticed at most, in seconds. */
  readonly detectionSeconds: number;
  readonly findings: readonly Finding[];
  readonly exitCode: 0 | 1 | 2;
}

const RESERVE_SECONDS = 5;
const KILL_MARGIN_MS = 2_000;
const KUBERNETES_DEFAULT_GRACE = 30;

/**
 * Derives the probes of a service: startup every 2 s for at least 60 s, readiness every 5 s (2 misses), liveness every
 * 10 s (6 misses), and a grace period of preStop + drain delay + slowest request + jobs + 5 s.
 * @throws TypeError or RangeError naming field, rule and value.
 */
export function planProbes(input: ProbeInput = {}): ProbePlan {
  const fields = new Fields('plan', input);
  const startup = fields.number('startupSeconds', 0, 3_600, 30);
  const request = fields.number('requestSeconds', 0, 3_600, 5);
  const job = fields.number('jobSeconds', 0, 86_400, 0);
  const drainDelay = fields.number('drainDelaySeconds', 0, 600, 5);
  const preStop = fields.integer('preStopSeconds', 0, 600, 0);
  const checkTimeoutMs = fields.number('checkTimeoutMs', 1, 600_000, 500);
  const failAfter = fields.integer('failAfter', 1, 1_000, 3);
  fields.end();

  // A probe must outlive the budget of the checks behind it, else it fails in place of the answer.
  const timeoutSeconds = Math.max(2, Math.ceil(checkTimeoutMs / 1_000) + 1);
  const readiness = { periodSeconds: Math.max(5, timeoutSeconds), failureThreshold: 2 };
  const grace = Math.ceil(preStop + drainDelay + request + job + RESERVE_SECONDS);
  const findings: Finding[] = [];
  const warn = (code: string, subject: string, message: string, remedy: string) =>
    void findings.push({ severity: 'warning', code, subject, message, remedy });
  if (preStop > 0 && drainDelay > 0) {
    warn(
      'DELAY_TWICE',
      'preStop',
      `preStop (${preStop} s) and the drain delay (${drainDelay} s) wait for the same endpoints one after the other`,
      'leave the preStop out: the drain answers requests while it waits',
    );
  }
  if (preStop + drainDelay === 0) {
    warn(
      'NO_DELAY',
      'drain',
      'endpoints still send requests for seconds after the signal, and the listener is closed by then',
      'set drainDelaySeconds to 5',
    );
  }
  if (failAfter > 1) {
    const seconds = failAfter * readiness.periodSeconds;
    warn(
      'DAMPED_TWICE',
      'readiness',
      `failAfter ${failAfter} (${seconds} s) is multiplied by a failureThreshold of ${readiness.failureThreshold}`,
      'set failAfter to 1, or failureThreshold to 1: damp in one of the two places',
    );
  }
  if (grace > 600) {
    warn(
      'LONG_GRACE',
      'grace period',
      `a pod may take ${grace} s to leave: node upgrades and scale-downs wait for it`,
      'let jobs be taken over by another instance instead of waiting for them',
    );
  }
  const periods = failAfter + readiness.failureThreshold - 1;
  return {
    startupProbe: {
      path: '/startup',
      periodSeconds: 2,
      timeoutSeconds,
      failureThreshold: Math.max(30, Math.ceil(startup)),
    },
    readinessProbe: { path: '/ready', timeoutSeconds, ...readiness },
    livenessProbe: {
      path: '/live',
      periodSeconds: 10,
      timeoutSeconds: 3,
      failureThreshold: 6,
    },
    terminationGracePeriodSeconds: Math.max(KUBERNETES_DEFAULT_GRACE, grace),
    preStopSeconds: preStop,
    graceMs: (Math.max(KUBERNETES_DEFAULT_GRACE, grace) - preStop) * 1_000 - KILL_MARGIN_MS,
    drainDelayMs: drainDelay * 1_000,
    detectionSeconds: periods * readiness.periodSeconds + checkTimeoutMs / 1_000,
    findings,
    exitCode: exitCodeOf(findings),
  };
}
