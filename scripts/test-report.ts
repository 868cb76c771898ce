/** What vitest's JSON report says: the counts of `npm test`, and the failures in short. */
import { readFileSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { root } from './packages.ts';

export type Counts = { passed: number; failed: number };
export type TestReport = Counts & {
  /** a line for each test, or file without tests, that did not pass, with what each try said */
  failures: string[];
  /** of each test that passed at a later try, with what the tries before said */
  secondTries: string[];
};

type Vitest = {
  numPassedTests: number;
  numTotalTests: number;
  testResults: {
    name: string;
    status: string;
    message?: string;
    assertionResults: { status: string; fullName: string; failureMessages?: string[] | null }[];
  }[];
};

/** The first line of an error, without colours, and of a property that failed the seed, by which it fails again. */
function inShort(message = 'without a message'): string {
  const [said = '', seed = ''] = stripVTControlCharacters(message).trim().split('\n', 2);
  return `${said}${seed.startsWith('{ seed:') ? ` ${seed}` : ''}`.slice(0, 300);
}

/**
 * A skipped test is a failed test, and a run that failed without a failed test (set-up, unhandled error, no report)
 * counts as one.
 */
export function readTestReport(path: string, exitCode: number): TestReport {
  let report: Vitest;
  try {
    report = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, failures: ['the test run left no report'], secondTries: [] };
  }
  const failures: string[] = [];
  const secondTries: string[] = [];
  for (const { name, status, message, assertionResults } of report.testResults) {
    const file = relative(root, name).split(sep).join('/');
    const isWhole = assertionResults.every((test) => test.status === 'passed');
    if (isWhole && status !== 'passed') failures.push(`${file}: ${inShort(message)}`);
    for (const test of assertionResults) {
      const tries = (test.failureMessages ?? []).map(inShort);
      const line = (said: string) => `${file} > ${test.fullName}: ${said}`;
      if (test.status !== 'passed') failures.push(line(tries.join(' | ') || test.status));
      else if (tries.length > 0) secondTries.push(line(tries.join(' | ')));
    }
  }
  const failed = report.numTotalTests - report.numPassedTests;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    failures,
    secondTries,
  };
}
