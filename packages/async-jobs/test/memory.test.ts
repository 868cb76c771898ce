import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  defineJob,
  handle,
  JobAbortedError,
  type JobContext,
  JobQueue,
  memoryStatus,
  memoryTransport,
  RetryLater,
  Worker,
} from '../src/index.ts';
import { partitionOf } from '../src/partitioner.ts';
import { featuresConformance } from './features-conformance.ts';
import { ManualClock } from './manual-clock.ts';
import { transportConformance } from './transport-conformance.ts';
import { until } from './until.ts';
import { workerConformance } from './worker-conformance.ts';

const transport = memoryTransport();
let names = 0;
const newName = () => `topic-${++names}`;

/** Two workers of a queue with two partitions, and a job for each; what ran where, and how it ended. */
async function twoWorkers(handler: (n: number, ctx: JobContext) => unknown) {
  const queue = new JobQueue({ transport: memoryTransport() });
  const job = defineJob({ name: 'test', schema: z.number(), key: (n) => `k${n}` });
  await queue.ensureTopics([job], { partitions: 2 });
  const ran: { worker: string; end: string }[] = [];
  const newWorker = (worker: string) => {
    const run = async (n: number, ctx: JobContext) => {
      const entry = { worker, end: 'running' };
      ran.push(entry);
      try {
        await handler(n, ctx);
        entry.end = 'done';
      } catch (error) {
        entry.end = error instanceof JobAbortedError ? error.reason : 'failed';
        throw error;
      }
    };
    return new Worker(queue, { brake: false, handlers: [handle(job, run)] });
  };
  const numbers = [0, 1].map((partition) => {
    for (let n = 0; ; n++) if (partitionOf(`k${n}`, 2) === partition) return n;
  });
  const run = async (worker: Worker, count: number) => {
    await queue.enqueueMany(job, numbers);
    await worker.run();
    await until(`${count} attempts`, () => ran.length === count);
  };
  return { first: newWorker('first'), second: newWorker('second'), ran, run };
}

describe('memory transport', { timeout: 30_000 }, () => {
  transportConformance(() => transport, newName, 100);
  afterAll(() => transport.close());

  it('delivers a crashed member’s unfinished jobs to the others, but not the finished ones it committed', async () => {
    const own = memoryTransport();
    const queue = new JobQueue({ transport: own });
    const job = defineJob({ name: 'test', schema: z.number(), key: (n) => String(n) });
    await queue.ensureTopics([job], { partitions: 1 });
    const firstRan: number[] = [];
    const options = { commitIntervalMs: 20 };
    // Job 0 never ends and holds the commit position; the others are remembered by the map
    const first = new Worker(queue, {
      ...options,
      handlers: [handle(job, (n) => (n === 0 ? new Promise(() => {}) : void firstRan.push(n)))],
    });
    await first.run();
    await queue.enqueueMany(
      job,
      Array.from({ length: 100 }, (_, n) => n),
    );
    await until('99 jobs', () => firstRan.length === 99);
    await new Promise((resolve) => setTimeout(resolve, 100)); // a commit of the map
    const secondRan: number[] = [];
    const second = new Worker(queue, {
      ...options,
      handlers: [handle(job, (n) => void secondRan.push(n))],
    });
    own.crash('jobs.default');
    await second.run();
    await until('the unfinished one', () => secondRan.includes(0));
    await second.drain();
    expect(secondRan).toEqual([0]);
    await first.drain({ timeoutMs: 10 });
  });

  it('aborts what runs of a partition that went to another member, and nothing else', async () => {
    const { first, second, ran, run } = await twoWorkers((_, ctx) => {
      return new Promise<void>((resolve, reject) => {
        ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason));
        setTimeout(resolve, 1_000);
      });
    });
    await run(first, 2);
    await second.run(); // one of the two partitions goes there
    await until('both jobs', () => ran.filter(({ end }) => end === 'done').length === 2);
    expect(ran.map(({ worker, end }) => `${worker} ${end}`).sort()).toEqual([
      'first done',
      'first revoked',
      'second done',
    ]);
    expect(first.snapshot()).toMatchObject({ failed: 0, dead: 0, completed: 1 });
    await Promise.all([first.drain(), second.drain()]);
  });

  it('ends the wait of a held job whose partition went to another member: it starts at once when it is back', async () => {
    const { first, second, ran, run } = await twoWorkers((_, ctx) => {
      if (ran.length < 4) throw new RetryLater(3_600_000);
      return ctx.id;
    });
    await run(first, 2);
    await second.run(); // begins anew with what the first one held
    await until('it waits there', () => second.snapshot().queues[0]?.parked === 1);
    expect(first.snapshot().queues[0]?.parked).toBe(1);
    await second.drain({ timeoutMs: 0 });
    await until('it is back', () => ran.length === 4);
    expect(ran.map(({ worker, end }) => `${worker} ${end}`)).toEqual([
      'first failed',
      'first failed',
      'second failed',
      'first done',
    ]);
    await first.drain({ timeoutMs: 0 });
  });

  it('drains within 25 s whatever the broker does, with the statuses written', async () => {
    const clock = new ManualClock();
    const never = new Promise<never>(() => {});
    const own = memoryTransport();
    const subscribe = own.subscribe.bind(own);
    own.subscribe = (options, listener) => {
      const subscription = subscribe(options, listener);
      return Object.assign(subscription, { commit: () => never, close: () => never });
    };
    const status = memoryStatus();
    const queue = new JobQueue({ transport: own, status, clock });
    const job = defineJob({ name: 'test', schema: z.number() });
    await queue.ensureTopics([job]);
    const handler = (n: number) => (n === 0 ? never : n);
    const worker = new Worker(queue, { handlers: [handle(job, handler)] });
    const errors: unknown[] = [];
    worker.on('error', (error) => errors.push(error));
    await worker.run();
    await queue.enqueue(job, 0);
    const { id } = await queue.enqueue(job, 1);
    await until('one is done', () => worker.snapshot().completed === 1);
    const drained = worker.drain();
    await clock.advance(25_000);
    expect(await drained).toEqual({ abandoned: 1, tookMs: 25_000 });
    expect(await queue.status(id)).toMatchObject({ state: 'succeeded', result: 1 });
    expect(errors).toMatchObject([{ code: 'ERR_TRANSPORT_TIMEOUT', timeoutMs: 5_000 }]);
    expect(worker.snapshot().state).toBe('closed');
  });

  it('stops reading a partition while what is finished out of order does not fit into a commit', async () => {
    const own = memoryTransport();
    const queue = new JobQueue({ transport: own });
    const job = defineJob({ name: 'test', schema: z.number(), key: (n) => String(n) });
    await queue.ensureTopics([job], { partitions: 1 });
    const total = 20_000;
    // Every second job waits for an hour: each is a gap of the map, which holds about 1,150
    let failing = true;
    let others = 0;
    const worker = new Worker(queue, {
      brake: false,
      commitIntervalMs: 10,
      handlers: [
        handle(job, (n) => {
          if (n % 2 === 1) others++;
          else if (failing) throw new RetryLater(3_600_000);
        }),
      ],
    });
    await queue.enqueueMany(
      job,
      Array.from({ length: total }, (_, n) => n),
    );
    await worker.run();
    await until('a full map', () => others > 1_100);
    await new Promise((resolve) => setTimeout(resolve, 300)); // time to read all of it
    expect(others).toBeLessThan(5_000);
    const [committed] = await own.committed('jobs.default', 'jobs.default');
    expect(committed?.committed?.metadata?.length).toBeLessThanOrEqual(3_072);
    failing = false;
    await worker.drain({ timeoutMs: 100 });
    // The next one does no odd one again that the map told; what was read ahead did not fit
    const after = new Worker(queue, { handlers: [handle(job, () => {})] });
    await after.run();
    await until('the rest', () => after.snapshot().queues[0]?.lag === 0);
    expect(after.snapshot().completed - (total - others)).toBeLessThan(1_000);
    await after.drain();
  });
});

describe('worker on the memory transport', { timeout: 60_000 }, () => {
  workerConformance(() => transport, newName);
});

describe('jobs on the memory transport', { timeout: 60_000 }, () => {
  featuresConformance(() => transport, newName, memoryStatus);
});
