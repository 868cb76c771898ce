/**
 * `npm test`: everything that must hold before a change lands, stage by stage, on real servers.
 * The last lines are what failed or needed a second try, in short, the time of each stage and of all, and `N passed,
 * N failed`: the tests counted one by one, each other stage as one.
 *
 *   --only NAME   runs the stages whose name contains NAME (repeatable)
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { run } from './run.ts';
import { type Counts, readTestReport, type TestReport } from './test-report.ts';

type Stage = { name: string; command: string[]; report?: (code: number) => TestReport };

const scratch = mkdtempSync(join(tmpdir(), 'evenkeel-check-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const jsonReport = join(scratch, 'vitest.json');

const tsx = (script: string) => [
  'node',
  '--conditions=@evenkeel/source',
  '--import',
  'tsx',
  script,
];
/** One group after the other; the stages of a group side by side, for none uses two cores all the time. */
const groups: Stage[][] = [
  [
    { name: 'lint', command: ['npm', 'run', '-s', 'lint'] },
    { name: 'typecheck', command: ['npm', 'run', '-s', 'typecheck'] },
    { name: 'build', command: ['npx', 'turbo', 'run', 'build'] },
  ],
  [
    { name: 'package lint', command: ['npx', 'turbo', 'run', 'lint:pkg'] },
    { name: 'api diff', command: ['npm', 'run', '-s', 'api'] },
    { name: 'unused code', command: ['npx', 'knip'] },
    { name: 'sizes', command: ['npx', 'size-limit'] },
    { name: 'links', command: tsx('scripts/links.ts') },
    { name: 'readme code', command: tsx('scripts/readme.ts') },
    { name: 'smoke', command: tsx('scripts/smoke.ts') },
  ],
  [
    {
      name: 'tests',
      command: [
        'npx',
        'vitest',
        'run',
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${jsonReport}`,
      ],
      report: (code) => readTestReport(jsonReport, code),
    },
  ],
];

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } });
const chosen = groups
  .map((group) =>
    group.filter(({ name }) => values.only?.some((part) => name.includes(part)) ?? true),
  )
  .filter((group) => group.length > 0);
if (chosen.length === 0) {
  const names = groups.flat().map(({ name }) => name);
  console.error(`No such stage; there are: ${names.join(', ')}`);
  process.exit(1);
}

const total: Counts = { passed: 0, failed: 0 };
const times: string[] = [];
const remarks: string[] = [];
const began = performance.now();
async function pass({ name, command, report }: Stage): Promise<void> {
  const [program = '', ...args] = command;
  const { code, output, seconds } = await run(program, args, { echo: report !== undefined });
  const lost = code === 0 ? 0 : 1;
  const found = report?.(code) ?? { passed: 1 - lost, failed: lost, failures: [], secondTries: [] };
  total.passed += found.passed;
  total.failed += found.failed;
  remarks.push(...found.secondTries.map((test) => `at a second try: ${test}`));
  remarks.push(...found.failures.map((test) => `FAILED: ${test}`));
  if (found.failed > 0 && report === undefined) console.log(output);
  const time = `${name} ${seconds.toFixed(0)} s`;
  times.push(time);
  console.log(`${found.failed === 0 ? 'ok' : 'FAILED'}: ${time}`);
}
for (const [index, group] of chosen.entries()) {
  console.log(`\n[${index + 1}/${chosen.length}] ${group.map(({ name }) => name).join(', ')}`);
  await Promise.all(group.map(pass));
}
for (const remark of remarks) console.log(remark);
const minutes = ((performance.now() - began) / 60_000).toFixed(1);
console.log(`\n${times.join(', ')}; ${minutes} min in all`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;
