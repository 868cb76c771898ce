import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  defineJob,
  handle,
  JobQueue,
  memoryStatus,
  memoryTransport,
  type StatusUpdate,
  Worker,
} from '../src/index.ts';
import { until } from './until.ts';

const cycle: { self?: unknown } = {};
cycle.self = cycle;
const bad: readonly (readonly [string, unknown])[] = [
  ['a bigint', { amount: 1n }],
  ['a cycle', cycle],
  [
    'a toJSON that throws',
    {
      toJSON() {
        throw new Error('detached');
      },
    },
  ],
];

async function setup() {
  const queue = new JobQueue({ transport: memoryTransport(), status: memoryStatus() });
  const job = defineJob({
    name: 'test',
    schema: z.number(),
    key: () => 'a',
    retry: { attempts: 1 },
  });
  await queue.ensureTopics([job]);
  const errors: unknown[] = [];
  const start = async (run: (n: number) => unknown) => {
    const worker = new Worker(queue, { handlers: [handle(job, run)] });
    worker.on('error', (error) => errors.push(error));
    await worker.run();
    return worker;
  };
  const state = async (id: string) => (await queue.status(id))?.state;
  return { queue, job, errors, start, state };
}

describe('what a handler returns', () => {
  it('is left out of the status, and told, when JSON cannot hold it; other statuses are written', async () => {
    const { queue, job, errors, start, state } = await setup();
    const worker = await start((n) => bad[n]?.[1] ?? { n });
    const tickets = await queue.enqueueMany(job, [0, 1, 2, 3]);
    for (const { id } of tickets)
      await until('it', async () => (await state(id)) === 'succeeded', 5_000);
    const results = await Promise.all(tickets.map(({ id }) => queue.status(id)));
    expect(results.map((status) => status?.result)).toEqual([
      undefined,
      undefined,
      undefined,
      { n: 3 },
    ]);
    expect(errors).toHaveLength(bad.length);
    for (const error of errors)
      expect(error).toMatchObject({ code: 'ERR_JOB_RESULT', job: 'test' });
    expect(worker.snapshot()).toMatchObject({ completed: 4, failed: 0 });
    await worker.drain();
    await queue.close();
  });

  it('is what it was at its end, whatever becomes of the object later', async () => {
    const { queue, job, start } = await setup();
    const shared = { n: 0 };
    const worker = await start((n) => {
      shared.n = n;
      return shared;
    });
    const tickets = await queue.enqueueMany(job, [1, 2]);
    await until('both', () => worker.snapshot().completed === 2);
    await queue.flushStatus(1_000);
    const results = await Promise.all(tickets.map(({ id }) => queue.status(id)));
    expect(results.map((status) => status?.result)).toEqual([{ n: 1 }, { n: 2 }]);
    await worker.drain();
    await queue.close();
  });
});

describe('what a handler throws', () => {
  it('may be without any text', async () => {
    const { queue, job, start, state } = await setup();
    const worker = await start((n) => {
      throw n === 0 ? Object.create(null) : Object.assign(new Error('x'), { message: undefined });
    });
    const tickets = await queue.enqueueMany(job, [0, 1]);
    for (const { id } of tickets)
      await until('it', async () => (await state(id)) === 'dead', 5_000);
    expect(worker.snapshot().dead).toBe(2);
    await worker.drain();
    await queue.close();
  });
});

describe('the status `queued`', () => {
  it('is not told of a job that was not accepted', async () => {
    const written: string[] = [];
    const status = memoryStatus();
    const write = status.write.bind(status);
    status.write = async (updates: readonly StatusUpdate[]) => {
      for (const one of updates) written.push(one.status.id);
      await write(updates);
    };
    const queue = new JobQueue({ transport: memoryTransport(), status, sendBudgetMs: 50 });
    const job = defineJob({ name: 'test', schema: z.number() });
    const refused = { code: 'ERR_JOB_NOT_ACCEPTED' };
    await expect(queue.enqueue(job, 1)).rejects.toMatchObject(refused); // no topic
    await queue.ensureTopics([job]);
    const { id } = await queue.enqueue(job, 2);
    await queue.flushStatus(1_000);
    expect(written).toEqual([id]);
    await queue.close();
  });
});
