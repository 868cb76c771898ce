import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  defineJob,
  handle,
  JobQueue,
  memoryStatus,
  memoryTransport,
  RetryLater,
  Worker,
} from '../src/index.ts';
import { featuresConformance } from './features-conformance.ts';
import { transportConformance } from './transport-conformance.ts';
import { until } from './until.ts';
import { workerConformance } from './worker-conformance.ts';

const transport = memoryTransport();
let names = 0;
const newName = () => `topic-${++names}`;

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
