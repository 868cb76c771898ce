import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Attempt } from '../src/attempt.ts';
import { defineJob, handle, type JobContext, type SqlExecutor } from '../src/define-job.ts';
import { JobAbortedError } from '../src/errors.ts';
import type { Outbox } from '../src/outbox.ts';
import { ManualClock } from './manual-clock.ts';

const job = defineJob({ name: 'test', schema: z.unknown(), timeoutMs: 1_000 });
const facts = {
  id: 'id',
  name: 'test',
  queue: 'default',
  key: 'key',
  enqueuedAtMs: 0,
  trace: undefined,
  attempts: 0,
  flow: undefined,
};

function attemptOf(
  clock: ManualClock,
  run: (ctx: JobContext) => unknown,
  outbox: Outbox | null = null,
) {
  const told: [number, string | undefined, number][] = [];
  const attempt = new Attempt(
    facts,
    1,
    handle(outbox ? { ...job, inbox: true } : job, (_, ctx) => run(ctx)),
    {
      clock,
      outbox,
      group: 'group',
      replayed: () => {},
      progress: (_, ...progress) => told.push(progress),
    },
  );
  return { attempt, told };
}

describe('Attempt', () => {
  it('aborts the signal when its time is up, and fails with the time-out', async () => {
    const clock = new ManualClock();
    const { attempt } = attemptOf(
      clock,
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('request aborted')));
        }),
    );
    const end = expect(attempt.run(null)).rejects.toMatchObject({
      code: 'ERR_JOB_TIMEOUT',
      timeoutMs: 1_000,
    });
    await clock.advance(999);
    expect(attempt.signal.aborted).toBe(false);
    await clock.advance(1);
    await end;
    expect(attempt.signal.aborted).toBe(true);
    expect(clock.timers).toBe(0);
  });

  it('gives a handler that ignores its signal up after a while, and refuses what it does later', async () => {
    const clock = new ManualClock();
    let ctx: JobContext | undefined;
    const { attempt, told } = attemptOf(clock, (given) => {
      ctx = given;
      return new Promise(() => {});
    });
    const end = expect(attempt.run(null)).rejects.toMatchObject({ code: 'ERR_JOB_TIMEOUT' });
    await clock.advance(6_000);
    await end;
    ctx?.progress(50);
    expect(told).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  it('counts a result that comes after the abort', async () => {
    const clock = new ManualClock();
    const { attempt } = attemptOf(
      clock,
      ({ signal }) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve('in time'))),
    );
    const end = attempt.run(null);
    await clock.advance(1_000);
    expect(await end).toBe('in time');
  });

  it('tells a shutdown from a failure', async () => {
    const clock = new ManualClock();
    const { attempt } = attemptOf(clock, () => new Promise(() => {}));
    const end = expect(attempt.run(null)).rejects.toBeInstanceOf(JobAbortedError);
    attempt.abandon();
    await end;
    expect(attempt.interrupted).toBe(true);
  });

  it('refuses ctx.tx and rolls back what runs in it, and tells no progress, once another worker has the job', async () => {
    const done: string[] = [];
    const outbox = {
      once: async (_: unknown, work: (tx: SqlExecutor) => Promise<unknown>) => {
        const value = await work({} as SqlExecutor);
        done.push('committed');
        return { value, replayed: false };
      },
    } as unknown as Outbox;
    const { attempt, told } = attemptOf(
      new ManualClock(),
      async ({ tx, progress }) => {
        await tx(async () => {}, { step: 'before' });
        const between = tx(async () => revoke(), { step: 'while' });
        await expect(between).rejects.toMatchObject({ reason: 'revoked' });
        progress(50);
        await tx(async () => done.push('began'), { step: 'after' });
      },
      outbox,
    );
    const revoke = () => attempt.abort(new JobAbortedError('test', 'revoked'));
    await expect(attempt.run(null)).rejects.toMatchObject({ reason: 'revoked' });
    expect([done, told]).toEqual([['committed'], []]);
    expect(attempt.interrupted).toBe(true);
  });

  it('sends at most ten progress events a second, and the last one always', async () => {
    const clock = new ManualClock();
    const { attempt, told } = attemptOf(clock, async (ctx) => {
      for (let percent = 0; percent < 100; percent++) {
        ctx.progress(percent, `step ${percent}`);
        await new Promise<void>((resolve) => clock.setTimeout(resolve, 5));
      }
      await new Promise<void>((resolve) => clock.setTimeout(resolve, 200));
    });
    const end = attempt.run(null);
    await clock.advance(900);
    await end;
    expect(told.length).toBeLessThanOrEqual(7);
    expect(told.at(-1)).toEqual([99, 'step 99', told.length]);
  });

  it('refuses a progress outside 0 to 100 and one that goes back', async () => {
    const clock = new ManualClock();
    const { attempt, told } = attemptOf(clock, (ctx) => {
      ctx.progress(60);
      ctx.progress(10);
      ctx.progress(Number.NaN);
    });
    await expect(attempt.run(null)).rejects.toThrow('Expected `percent` in [0, 100], got NaN');
    expect(told).toEqual([[60, undefined, 1]]);
  });

  it('cuts a note to what a status has room for, whatever it is', async () => {
    const { attempt, told } = attemptOf(new ManualClock(), (ctx) => {
      ctx.progress(1, 'x'.repeat(5_000));
    });
    await attempt.run(null);
    expect(told).toEqual([[1, 'x'.repeat(1_000), 1]]);
    const other = attemptOf(new ManualClock(), (ctx) => ctx.progress(1, 7n as never));
    await other.attempt.run(null);
    expect(other.told).toEqual([[1, '7', 1]]);
  });

  it('rejects ctx.tx of a job without inbox', async () => {
    const { attempt } = attemptOf(new ManualClock(), (ctx) => ctx.tx(async () => 1));
    await expect(attempt.run(null)).rejects.toThrow('Expected `inbox: true`');
  });
});
