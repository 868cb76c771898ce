/** The run as a whole: what it ran on, what every scenario found, as a table and as JSON. */
import { execFile } from 'node:child_process';
import { cpus, release, totalmem, type } from 'node:os';
import { promisify } from 'node:util';
import { boundText, type Claim, figureText } from './claims.ts';
import type { ProofOptions } from './options.ts';
import type { ScenarioResult } from './result.ts';
import { type SelfCheck, slowDriver } from './self-check.ts';
import { markdown } from './sizing.ts';

export type Report = {
  at: string;
  /** false: it ended early, so what is missing did not fail */
  isComplete: boolean;
  /** why, when nobody has interrupted it */
  failure?: string;
  machine: { processor: string; cores: number; memoryGiB: number; system: string };
  versions: Record<string, string>;
  commit: string;
  seed: number;
  options: Pick<ProofOptions, 'users' | 'short' | 'only'>;
  selfCheck: SelfCheck;
  /** what differs from production, said in each report */
  conditions: string[];
  scenarios: ScenarioResult[];
};

const conditions = [
  'driver, shop and servers share the machine; loopback, no TLS',
  'the gateways of a crowd and the crowd itself give way to the API, which has processors of its own in deploy/k8s',
  'PostgreSQL with fsync off; Redis without persistence; Kafka with one broker',
  'latencies are those of processes that are warm: a phase before makes them so, and counts for nothing',
  'password hashes of N = 2^4, p = 1, where the shop has 2^14 and 5 (docs/decisions/0061): sessions are measured, not scrypt',
];

export async function newReport(options: ProofOptions, selfCheck: SelfCheck): Promise<Report> {
  const [first] = cpus();
  const slow = slowDriver(selfCheck.driverPerSecond);
  return {
    at: new Date().toISOString(),
    isComplete: false,
    machine: {
      processor: first?.model ?? 'unknown',
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      system: `${type()} ${release()}`,
    },
    versions: { node: process.version },
    commit: await commit(),
    seed: options.seed,
    options: { users: options.users, short: options.short, only: options.only },
    selfCheck,
    conditions: [...conditions, ...(slow === undefined ? [] : [slow])],
    scenarios: [],
  };
}

async function commit(): Promise<string> {
  const git = (...args: string[]) => promisify(execFile)('git', args, { cwd: import.meta.dirname });
  try {
    const { stdout } = await git('rev-parse', '--short=12', 'HEAD');
    const changes = await git('status', '--porcelain', '--untracked-files=no');
    return stdout.trim() + (changes.stdout.trim() === '' ? '' : ' with changes');
  } catch {
    return 'unknown';
  }
}

export const claimsOf = ({ scenarios }: Report): Claim[] =>
  scenarios.flatMap(({ claims }) => claims);

export const partial = ({ failure = 'interrupted' }: Report) =>
  `PARTIAL: the run ended early. Only what follows was tried. Why: ${failure}`;

/** For the terminal. */
export function table(report: Report): string {
  const claims = claimsOf(report);
  const rows = claims.map((one): string[] => [
    one.held ? 'held' : 'NOT HELD',
    one.scenario,
    one.claim,
    figureText(one),
    boundText(one.bound),
    one.source,
  ]);
  const head = ['', 'scenario', 'claim', 'here', 'claimed', 'in the story'];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const held = claims.filter((one) => one.held).length;
  const notes = report.scenarios.flatMap(({ name, notes, mistakes }) =>
    [...notes, ...mistakes.slice(0, 10).map((text) => `wrong: ${text}`)].map(
      (text) => `${name}: ${text}`,
    ),
  );
  return [
    ...(report.isComplete ? [] : [partial(report), '']),
    line(head),
    ...rows.map(line),
    '',
    ...notes,
    ...report.scenarios.flatMap(({ tables }) =>
      tables.map((one) => `\n${one.title}\n${markdown(one)}`),
    ),
    ...report.conditions.slice(conditions.length),
    '',
    `${held} of ${claims.length} claims held; seed ${report.seed}, commit ${report.commit}`,
  ].join('\n');
}
