import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from './packages.ts';
import { readTestReport } from './test-report.ts';

const scratch = mkdtempSync(join(tmpdir(), 'test-report-'));
afterAll(() => rmSync(scratch, { recursive: true }));

type Test = { status: string; fullName: string; failureMessages?: string[] };
function reported(tests: Test[], file: object = {}) {
  const path = join(scratch, 'report.json');
  const name = join(root, 'packages/x/test/y.test.ts');
  const report = {
    numPassedTests: tests.filter(({ status }) => status === 'passed').length,
    numTotalTests: tests.length,
    testResults: [{ name, status: 'passed', assertionResults: tests, ...file }],
  };
  writeFileSync(path, JSON.stringify(report));
  return path;
}
const green = { status: 'passed', fullName: 'a counter counts' };

describe('the report of a test run', () => {
  it('has nothing to say of tests that passed', () => {
    expect(readTestReport(reported([green]), 0)).toEqual({
      passed: 1,
      failed: 0,
      failures: [],
      secondTries: [],
    });
  });

  it('names each test that failed, with what every try said, on a line of its own', () => {
    const red = {
      status: 'failed',
      fullName: 'a counter is exact',
      failureMessages: ['\u001b[31mAssertionError\u001b[39m: 3 is not 4\n  at here', 'Error: gone'],
    };
    expect(readTestReport(reported([green, red]), 1)).toEqual({
      passed: 1,
      failed: 1,
      failures: [
        'packages/x/test/y.test.ts > a counter is exact: AssertionError: 3 is not 4 | Error: gone',
      ],
      secondTries: [],
    });
  });

  it('names the seed of a property that failed', () => {
    const message =
      'Error: Property failed after 33 tests\n{ seed: 7, path: "32:1" }\nCounterexample: []';
    const red = { status: 'failed', fullName: 'a model', failureMessages: [message] };
    expect(readTestReport(reported([red]), 1).failures).toEqual([
      'packages/x/test/y.test.ts > a model: Error: Property failed after 33 tests { seed: 7, path: "32:1" }',
    ]);
  });

  it('names what passed at a second try', () => {
    const second = { ...green, failureMessages: ['Error: too late\n  at here'] };
    expect(readTestReport(reported([second]), 0)).toEqual({
      passed: 1,
      failed: 0,
      failures: [],
      secondTries: ['packages/x/test/y.test.ts > a counter counts: Error: too late'],
    });
  });

  it('counts a skipped test as a failed one', () => {
    const skipped = { status: 'skipped', fullName: 'a counter is fast' };
    expect(readTestReport(reported([skipped]), 0)).toMatchObject({
      passed: 0,
      failed: 1,
      failures: ['packages/x/test/y.test.ts > a counter is fast: skipped'],
    });
  });

  it('counts a file that did not load, and a run that left no report', () => {
    const path = reported([], { status: 'failed', message: 'Cannot find module\nat there' });
    expect(readTestReport(path, 1)).toMatchObject({
      passed: 0,
      failed: 1,
      failures: ['packages/x/test/y.test.ts: Cannot find module'],
    });
    expect(readTestReport(join(scratch, 'none.json'), 1)).toMatchObject({ passed: 0, failed: 1 });
  });

  it('counts a run that failed though every test passed', () => {
    expect(readTestReport(reported([green]), 1)).toMatchObject({ passed: 1, failed: 1 });
  });
});
