import { expect, it } from 'vitest';
import { z } from 'zod';
import {
  defineJob,
  handle,
  JobQueue,
  memoryStatus,
  memoryTransport,
  RetryLater,
  type Spool,
  Worker,
} from '../src/index.ts';
import { until } from './until.ts';

it('a worker whose retries are not carried back is unwell, and tells that some wait', async () => {
  const transport = memoryTransport();
  let silentMs = 0;
  let rebuilds = 0;
  const subscribe = transport.subscribe.bind(transport);
  transport.subscribe = (options, listener) => {
    const subscription = subscribe(options, listener);
    const health = subscription.health.bind(subscription);
    if (options.group.endsWith('.retry')) {
      subscription.health = () => ({ ...health(), silentMs, rebuilds });
    }
    return subscription;
  };
  const queue = new JobQueue({ transport });
  const job = defineJob({
    name: 'test',
    schema: z.number(),
    retry: { onRetry: 'overtake', attempts: 9 },
  });
  await queue.ensureTopics([job]);
  const worker = new Worker(queue, {
    brake: false,
    handlers: [
      handle(job, () => {
        throw new RetryLater(3_600_000);
      }),
    ],
  });
  await worker.run();
  expect(worker.snapshot().queues[0]?.retries.lag).toBe(0);
  await queue.enqueueMany(job, [1, 2, 3]);
  await until('they wait', () => (worker.snapshot().queues[0]?.retries.lag ?? 0) > 0, 4_000);
  await until('none else waits', () => worker.snapshot().queues[0]?.lag === 0, 4_000);
  const check = async () => worker.healthCheck().check(AbortSignal.timeout(1_000));
  await check();
  silentMs = 61_000;
  await expect(check()).rejects.toThrow('retries of default: no sign of the broker');
  [silentMs, rebuilds] = [0, 3];
  await expect(check()).rejects.toThrow('retries of default: its client keeps breaking');
  await worker.drain();
  await queue.close();
});

it('a queue tells why its spool is not emptied, until it is', async () => {
  let broken = true;
  const spool: Spool = {
    push: async () => {},
    take: async () => {
      if (broken) throw new Error('READONLY You cannot write against a read only replica');
      return 0;
    },
  };
  const queue = new JobQueue({ transport: memoryTransport(), spool });
  queue.watchSpool();
  const details = async () =>
    (await queue.healthCheck().check(AbortSignal.timeout(1_000))) as Record<string, unknown>;
  await until('it is told', async () => String((await details()).spoolError).includes('READONLY'));
  broken = false;
  await until('it is well', async () => !('spoolError' in (await details())));
  await queue.close();
});

it('a queue tells why statuses are not written although their store answers, until they are', async () => {
  const status = memoryStatus();
  const write = status.write.bind(status);
  let broken = true;
  status.write = async (updates) => {
    if (broken) throw new Error('OOM command not allowed');
    await write(updates);
  };
  const queue = new JobQueue({ transport: memoryTransport(), status });
  const told = async () =>
    ((await queue.healthCheck().check(AbortSignal.timeout(1_000))) as { status: string }).status;
  const job = defineJob({ name: 'test', schema: z.number() });
  await queue.ensureTopics([job]);
  const { id } = await queue.enqueue(job, 1);
  await until('it is told', async () => (await told()).includes('not written: Error: OOM'));
  broken = false;
  await until('it is well', async () => (await told()) === 'ok');
  expect((await queue.status(id))?.state).toBe('queued');
  await queue.close();
});
