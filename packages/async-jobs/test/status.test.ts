import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type JobState,
  type JobStatus,
  ORDER_LENGTH,
  orderOf,
  type StatusStore,
  type StatusUpdate,
} from '../src/status.ts';
import { StatusReporter } from '../src/status-reporter.ts';
import { ManualClock } from './manual-clock.ts';

const states: JobState[] = ['queued', 'active', 'retrying', 'succeeded', 'dead'];

function statusOf(state: JobState, attempt = 1, progress = 0): JobStatus {
  return { id: 'id', name: 'job', state, attempt, progress, atMs: 0 };
}

describe('order of statuses', () => {
  it('is the order of a job life', () => {
    const life: [JobStatus, number][] = [
      [statusOf('queued', 0), 0],
      [statusOf('active', 1), 0],
      [statusOf('active', 1, 0), 1],
      [statusOf('active', 1, 10), 2],
      [statusOf('active', 1, 99.5), 3],
      [statusOf('retrying', 1), 0],
      [statusOf('active', 2), 0],
      [statusOf('active', 12), 0],
      [statusOf('dead', 12), 0],
      [statusOf('succeeded', 1), 0],
    ];
    const orders = life.map(([status, sequence]) => orderOf(status, sequence));
    expect([...orders].sort()).toEqual(orders);
    expect(new Set(orders).size).toBe(orders.length);
  });

  it('has a fixed width, and nothing comes after success', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...states),
        fc.nat(5_000),
        fc.double({ min: 0, max: 100, noNaN: true }),
        fc.nat(100_000),
        (state, attempt, progress, sequence) => {
          const order = orderOf(statusOf(state, attempt, progress), sequence);
          expect(order).toHaveLength(ORDER_LENGTH);
          if (state !== 'succeeded')
            expect(order < orderOf(statusOf('succeeded', 0), 0)).toBe(true);
        },
      ),
    );
  });
});

describe('StatusReporter', () => {
  function reporterOn(write: StatusStore['write']) {
    const clock = new ManualClock();
    const store = { write } as StatusStore;
    return { clock, reporter: new StatusReporter(store, clock) };
  }

  it('writes the latest status of a job once in 10 ms', async () => {
    const written: StatusUpdate[][] = [];
    const { clock, reporter } = reporterOn(async (updates) => void written.push([...updates]));
    reporter.report(statusOf('queued', 0));
    reporter.report(statusOf('succeeded'));
    reporter.report(statusOf('active')); // late
    await clock.advance(10);
    expect(written.map((batch) => batch.map(({ status }) => status.state))).toEqual([
      ['succeeded'],
    ]);
  });

  it('keeps the latest while the store is down and writes it when it is back', async () => {
    let down = true;
    const written: JobState[] = [];
    let failures = 0;
    const { clock, reporter } = reporterOn(async (updates) => {
      if (down) throw new Error(`connection refused ${++failures}`);
      written.push(...updates.map(({ status }) => status.state));
    });
    reporter.report(statusOf('active'));
    await clock.advance(1_000);
    expect(failures).toBeGreaterThan(1);
    expect(reporter.lastError).toMatchObject({ message: `connection refused ${failures}` });
    reporter.report(statusOf('succeeded'));
    down = false;
    await clock.advance(10_000);
    expect(written).toEqual(['succeeded']);
    expect(reporter.lastError).toBeNull();
    expect(clock.timers).toBe(0);
  });

  it('keeps at most 50,000 jobs', async () => {
    let down = true;
    let written = 0;
    const { clock, reporter } = reporterOn(async (updates) => {
      if (down) throw new Error('down');
      written += updates.length;
    });
    for (let i = 0; i < 52_000; i++) reporter.report({ ...statusOf('active'), id: String(i) });
    await clock.advance(100);
    down = false;
    await clock.advance(10_000);
    expect(written).toBe(50_000);
  });
});
