import { describe, expect, it } from 'vitest';
import { atLeast, atMost, claims, exactly } from '../load/claims.ts';
import { mostUsersOf, parseProofOptions } from '../load/options.ts';
import { page } from '../load/page.ts';
import { Recorder } from '../load/recorder.ts';
import { newReport, type Report, table } from '../load/report.ts';
import { resultOf } from '../load/result.ts';
import { judge } from '../load/shopper.ts';

const options = parseProofOptions(['--users', '2000', '--seed', '5']);

/** A run as it would be if `oversold` seats had been sold twice. */
async function reportOf(oversold: number | undefined, wrong: number): Promise<Report> {
  const recorder = new Recorder();
  recorder.enter('sale');
  recorder.mark('redis-frozen <script>', 3_000);
  for (let n = 0; n < 1_000; n += 1)
    recorder.add('sale', 'hold', n < wrong ? 'wrong' : 'ok', n, 'cut');
  const { counts, p99Ms } = recorder.total();
  const report = await newReport(options, {
    openFiles: 1,
    freeBytes: 1,
    driverPerSecond: wrong > 0 ? 500 : 9_000,
  });
  const found = claims('sale', 'story', [
    ['oversold', oversold, exactly(0)],
    ['p99', p99Ms, atMost(1_000), 'ms'],
    ['availability', (counts.ok / 1_000) * 100, atLeast(99.98), '%'],
  ]);
  const meter = { figures: [] } as unknown as Parameters<typeof resultOf>[1]['meter'];
  const servers = { versions: ['Redis 7.0.15'] };
  report.scenarios.push(resultOf('sale', { recorder, samples: [], meter, servers }, found));
  report.isComplete = true;
  return report;
}

describe('the report', () => {
  it('says held of a run that held', async () => {
    const report = await reportOf(0, 0);
    expect(table(report)).toContain('3 of 3 claims held');
    expect(table(report)).not.toMatch(/NOT HELD|PARTIAL/);
    expect(page(report)).toContain('3 of 3 claims held');
    expect(page(report)).toContain('Redis 7.0.15');
    expect(page(report)).not.toContain('other things');
  });

  it('says not held of a broken run, with its figures and first mistakes', async () => {
    const report = await reportOf(2, 10);
    const text = table(report);
    expect(text).toMatch(/NOT HELD +sale +oversold +2 +/);
    expect(text).toMatch(/NOT HELD +sale +availability +99 % +/);
    expect(text).toContain('1 of 3 claims held');
    expect(text).toContain('wrong: ');
    expect(text).toContain('busy with other things');
    expect(page(report).match(/not held/g)).toHaveLength(2);
  });

  it('says not held of what was not measured, and PARTIAL of an interrupted run', async () => {
    const report = await reportOf(undefined, 0);
    report.isComplete = false;
    expect(table(report)).toMatch(/NOT HELD +sale +oversold +not measured/);
    expect(table(report)).toContain('PARTIAL');
    expect(page(report)).toContain('PARTIAL');
    const failed = { ...report, failure: 'sale: front-2 was not ready after 90 s.' };
    expect(table(failed)).toContain('Why: sale: front-2 was not ready after 90 s.');
    expect(page(failed)).toContain('Why: sale: front-2 was not ready after 90 s.');
    expect(page({ ...report, commit: '<b>' })).not.toContain('<b>');
  });
});

describe('an answer', () => {
  const answer = (status: number, body: object = {}) => ({ status, body, headers: {} });
  it.each([
    [answer(200), 10, 'ok'],
    [answer(200), 5_001, 'wrong'],
    [answer(409, { code: 'seat_taken' }), 10, 'refused'],
    [answer(409, { code: 'conflict' }), 10, 'wrong'],
    [answer(503, { code: 'unavailable', retryAfterMs: 1_000 }), 100, 'later'],
    [answer(503, { code: 'unavailable', retryAfterMs: 1_000 }), 300, 'wrong'],
    [answer(503), 10, 'wrong'],
    [answer(500), 10, 'wrong'],
  ] as const)('%j after %d ms is %s', (given, ms, outcome) => {
    expect(judge(given, ms, ['seat_taken'])).toBe(outcome);
  });
});

describe('the options of the proof', () => {
  it.each([
    [['--users', '0'], 'Expected `--users` to be a whole number from 1 to 1000000, got "0".'],
    [['--users', 'many'], 'Expected `--users` to be a whole number from 1 to 1000000, got "many".'],
    [['--seed', '-1'], "Option '--seed' argument is ambiguous"],
    [['--only', 'sale,nothing'], 'Expected `--only` to name some of sale, '],
    [['--faults', 'rain'], 'Expected `--faults` to name some of slow-provider, '],
    [['--shrot'], "Unknown option '--shrot'"],
  ])('%j is refused in one line', (args, message) => {
    expect(() => parseProofOptions(args)).toThrow(message);
    expect(() => parseProofOptions(args)).toThrow(/^[^\n]*$/);
  });

  it('holds no more users than the machine can', () => {
    const memory = 4 * 2 ** 30;
    const most = mostUsersOf(memory);
    expect(parseProofOptions(['--users', String(most)], memory).users).toBe(most);
    expect(() => parseProofOptions(['--users', String(most + 1)], memory)).toThrow(
      `Expected \`--users\` to be at most ${most} on this machine of 4 GiB, got ${most + 1}.`,
    );
  });
});
