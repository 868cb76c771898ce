import { expect, it } from 'vitest';
import { z } from 'zod';
import { defineJob, handle, JobQueue, memoryTransport, Worker } from '../src/index.ts';
import { rateLimitOf } from '../src/rate-limit.ts';
import { ManualClock, settle } from './manual-clock.ts';

const [max, perMs] = [5, 300];

it('lets at most `max` begin within any `perMs`, and none later than it must', async () => {
  const limit = rateLimitOf({ max, perMs });
  const begun: number[] = [];
  let now = 1_000;
  for (let i = 0; i < 500; i++) {
    now += [0, 0, 1, 7, 40, 299, 650][(i * 13) % 7] as number;
    const earliest = i < max ? now : Math.max(now, (begun[i - max] as number) + perMs);
    const waitMs = await limit.take(now);
    expect(now + waitMs).toBe(earliest);
    now = earliest;
    if (waitMs > 0) expect(await limit.take(now)).toBe(0);
    begun.push(now);
  }
});

it('keeps nobody waiting for a clock that was set back', async () => {
  const limit = rateLimitOf({ max, perMs });
  for (let i = 0; i < max; i++) expect(await limit.take(3_600_000)).toBe(0);
  expect(await limit.take(0)).toBe(perMs);
});

/** When 300 jobs begin at a worker that is held up for an hour. */
async function beginnings(heldUp: 'by the brake' | 'by a full worker'): Promise<number[]> {
  const clock = new ManualClock();
  const queue = new JobQueue({ transport: memoryTransport(), clock });
  const job = defineJob({ name: 'mail', schema: z.number(), timeoutMs: 7_200_000 });
  const long = defineJob({ name: 'long', schema: z.number(), timeoutMs: 7_200_000 });
  await queue.ensureTopics([job, long]);
  let up = false;
  const begun: number[] = [];
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const worker = new Worker(queue, {
    commitIntervalMs: 600_000,
    handlers: [
      handle(job, () => void begun.push(clock.now()), {
        rateLimit: { max, perMs: 1_000 },
        guard: () => up || heldUp === 'by a full worker',
      }),
      handle(long, () => released),
    ],
  });
  const places = Array.from({ length: heldUp === 'by a full worker' ? 50 : 0 }, (_, n) => n);
  await queue.enqueueMany(long, places);
  await worker.run();
  await settle();
  await queue.enqueueMany(
    job,
    Array.from({ length: 300 }, (_, n) => n),
  );
  await clock.advance(3_600_000);
  expect(begun).toEqual([]);
  up = true;
  release();
  // 5 a second; beside that the brake's next probe is up to 5 s away
  await clock.advance(65_000);
  const drained = worker.drain();
  await clock.advance(30_000);
  await drained;
  return begun;
}

it.each(['by the brake', 'by a full worker'] as const)(
  'keeps to the limit after jobs were held up %s for an hour, and uses all of it',
  async (heldUp) => {
    const begun = await beginnings(heldUp);
    expect(begun).toHaveLength(300);
    for (const [i, moment] of begun.entries()) {
      if (i >= max) expect(moment - (begun[i - max] as number)).toBeGreaterThanOrEqual(1_000);
    }
  },
);
