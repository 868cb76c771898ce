import { digits, type Finding } from '../plan/finding.ts';
import type { CapacityPlan } from '../plan/plan-capacity.ts';
import type { ConnectionPlan } from '../plan/plan-connections.ts';
import type { Probe, ProbePlan } from '../plan/plan-probes.ts';

/** A plan as a person reads it, and as a deployment does. */
export interface Rendered {
  readonly table: string;
  readonly env: string;
}

/** Columns as wide as their widest cell; numbers to the right. */
function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [
    head,
    ...rows.map((row) => row.map((cell) => (typeof cell === 'number' ? digits(cell) : cell))),
  ];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const isNumber = head.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  return cells
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return isNumber[column] ? cell.padStart(width) : cell.padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function findingLines(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'nothing to warn of';
  return findings
    .map(
      ({ severity, code, subject, message, remedy }) =>
        `${severity.toUpperCase()} ${code} (${subject}): ${message}\n  remedy: ${remedy}`,
    )
    .join('\n');
}

const variable = (name: string) => name.toUpperCase().replace(/[^A-Z0-9]/g, '_');

export function renderConnections(plan: ConnectionPlan): Rendered {
  const blocks = plan.databases.map(({ name, budget, peak, scenarios, activeCeiling, pooler }) => {
    const rows = scenarios.map((one) => [
      `${one.isExpected ? '*' : ' '} ${one.name}`,
      one.instances,
      one.connections,
      one.memoryGb,
      one.fits ? 'fits' : 'does not fit',
    ]);
    const lines = [
      `${name}: ${digits(peak)} connections at the peak, ${digits(budget)} allowed`,
      table(['  situation', 'instances', 'connections', 'GB at 75/GB', ''], rows),
    ];
    if (activeCeiling !== undefined) {
      lines.push(
        `more than ${activeCeiling} at work at the same time only make one another slower`,
      );
    }
    if (pooler !== undefined) {
      lines.push(
        `PgBouncer: default_pool_size = ${pooler.defaultPoolSize}, max_client_conn = ${pooler.maxClientConnections}`,
      );
    }
    return lines.join('\n');
  });
  const known = (value: number | undefined) => (value === undefined ? '-' : digits(value));
  const pools = plan.services.map((one) => [
    one.name,
    one.pool,
    one.poolThatFits,
    known(one.poolForLoad),
    known(one.busy),
    known(one.acquireP99Ms),
  ]);
  const head = ['service', 'pool', 'that fits', 'for its load', 'busy', 'p99 wait ms'];
  const env = plan.services.map(
    ({ name, pool, poolThatFits, poolForLoad }) =>
      `${variable(name)}_POOL_MAX=${Math.max(1, Math.min(poolThatFits, poolForLoad ?? pool))}`,
  );
  for (const { name, pooler } of plan.databases) {
    if (pooler === undefined) continue;
    env.push(`; pgbouncer.ini for ${name}`, '[pgbouncer]', 'pool_mode = transaction');
    env.push(`default_pool_size = ${pooler.defaultPoolSize}`);
    env.push(`max_client_conn = ${pooler.maxClientConnections}`);
  }
  return {
    table: [
      ...blocks,
      '* happens with this rollout',
      table(head, pools),
      findingLines(plan.findings),
    ].join('\n\n'),
    env: env.join('\n'),
  };
}

export function renderCapacity(plan: CapacityPlan): Rendered {
  const rows = plan.services.map((one) => [
    one.name,
    one.requestsPerSecond,
    one.busyCores,
    one.needed,
    one.instances,
    one.perZone,
    one.running === undefined ? '-' : digits(one.running),
  ]);
  const head = [
    'service',
    'requests/s',
    'busy cores',
    'needed',
    'with a zone lost',
    'per zone',
    'running',
  ];
  return {
    table: [
      `${digits(plan.concurrentUsers)} concurrent users, ${digits(plan.requestsPerSecond)} requests a second`,
      plan.assumptions.map((one) => `- ${one}`).join('\n'),
      table(head, rows),
      findingLines(plan.findings),
    ].join('\n\n'),
    env: plan.services
      .map(({ name, instances }) => `${variable(name)}_INSTANCES=${instances}`)
      .join('\n'),
  };
}

export function renderProbes(plan: ProbePlan): Rendered {
  const probe = (name: string, { path, periodSeconds, timeoutSeconds, failureThreshold }: Probe) =>
    `    ${name}:
      httpGet: { path: ${path}, port: http }
      periodSeconds: ${periodSeconds}
      timeoutSeconds: ${timeoutSeconds}
      failureThreshold: ${failureThreshold}`;
  const preStop =
    plan.preStopSeconds === 0
      ? []
      : [`    lifecycle: { preStop: { sleep: { seconds: ${plan.preStopSeconds} } } }`];
  return {
    table: [
      [
        `terminationGracePeriodSeconds: ${plan.terminationGracePeriodSeconds}`,
        'containers:',
        '  - name: app',
        ...preStop,
        probe('startupProbe', plan.startupProbe),
        probe('readinessProbe', plan.readinessProbe),
        probe('livenessProbe', plan.livenessProbe),
      ].join('\n'),
      `# a failing dependency is noticed within ${digits(plan.detectionSeconds)} s`,
      findingLines(plan.findings)
        .split('\n')
        .map((line) => `# ${line}`)
        .join('\n'),
    ].join('\n\n'),
    env: `GRACE_MS=${plan.graceMs}\nDRAIN_DELAY_MS=${plan.drainDelayMs}`,
  };
}
