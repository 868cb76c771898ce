/**
 * `npm test`: everything that must hold before a change lands, stage by stage, on real servers.
 * The last lines are the time of each stage and of all, and `N passed, N failed`: the tests counted one by one, each
 * other stage as one.
 *
 *   --only NAME   runs the stages whose name contains NAME (repeatable)
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { run } from './run.ts';

type Counts = { passed: number; failed: number };
type Stage = { name: string; command: string[]; counts?: (code: number) => Counts };

const scratch = mkdtempSync(join(tmpdir(), 'evenkeel-check-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const report = join(scratch, 'vitest.json');

/** vitest's own count; a run that failed without a failed test (set-up, unhandled error) counts as one. */
function testCounts(code: number): Counts {
  try {
    const { numPassedTests, numTotalTests } = JSON.parse(readFileSync(report, 'utf8'));
    // a skipped test is a failed test
    const failed = numTotalTests - numPassedTests;
    return { passed: numPassedTests, failed: failed === 0 && code !== 0 ? 1 : failed };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

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
        `--outputFile.json=${report}`,
      ],
      counts: testCounts,
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
const began = performance.now();
async function pass({ name, command, counts }: Stage): Promise<void> {
  const [program = '', ...args] = command;
  const { code, output, seconds } = await run(program, args, { echo: counts !== undefined });
  const { passed, failed } = counts?.(code) ?? {
    passed: code === 0 ? 1 : 0,
    failed: code === 0 ? 0 : 1,
  };
  total.passed += passed;
  total.failed += failed;
  if (failed > 0 && counts === undefined) console.log(output);
  const time = `${name} ${seconds.toFixed(0)} s`;
  times.push(time);
  console.log(`${failed === 0 ? 'ok' : 'FAILED'}: ${time}`);
}
for (const [index, group] of chosen.entries()) {
  console.log(`\n[${index + 1}/${chosen.length}] ${group.map(({ name }) => name).join(', ')}`);
  await Promise.all(group.map(pass));
}
const minutes = ((performance.now() - began) / 60_000).toFixed(1);
console.log(`\n${times.join(', ')}; ${minutes} min in all`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;
