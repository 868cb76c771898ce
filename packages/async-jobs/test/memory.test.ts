import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  defineJob,
  handle,
  JobQueue,
  memoryStatus,
  memoryTransport,
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
});

describe('worker on the memory transport', { timeout: 60_000 }, () => {
  workerConformance(() => transport, newName);
});

describe('jobs on the memory transport', { timeout: 60_000 }, () => {
  featuresConformance(() => transport, newName, memoryStatus);
});
