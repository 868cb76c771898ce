import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  defineJob,
  handle,
  JobQueue,
  JobsError,
  kafkajsTransport,
  memoryTransport,
  postgresOutbox,
  redisStatus,
  Worker,
} from '../src/index.ts';

const schema = z.object({ orderId: z.string(), cents: z.number().int() });
const job = defineJob({ name: 'charge', schema, key: (p) => p.orderId });
const options = (more: object) => () => defineJob({ name: 'charge', schema, ...more });

describe('options', () => {
  it('are refused with field, rule and value', () => {
    expect(options({ name: 'a b' })).toThrow('Expected `name` to be 1 to 100 of letters, digits');
    expect(options({ queue: '' })).toThrow('Expected `queue`');
    expect(options({ schema: {} })).toThrow('Expected `schema` to be a Standard Schema');
    expect(options({ key: 'orderId' })).toThrow('Expected `key` to be a function, got "orderId"');
    expect(options({ timeoutMs: 0 })).toThrow(
      'Expected `timeoutMs` to be an integer in [1, 2147483647], got 0',
    );
    expect(options({ retry: { attempts: 1.5 } })).toThrow(RangeError);
    const queue = new JobQueue({ transport: memoryTransport() });
    const worker = (more: object) => () =>
      new Worker(queue, { handlers: [handle(job, () => 1)], ...more });
    expect(worker({ concurrency: 0 })).toThrow(
      'Expected `concurrency` to be an integer in [1, 10000], got 0',
    );
    expect(worker({ handlers: [] })).toThrow('Expected `handlers`');
    expect(worker({ heartbeatMs: 29_000 })).toThrow('Expected `heartbeatMs`');
    expect(worker({ handlers: [handle(job, () => 1), handle(job, () => 2)] })).toThrow(
      'one handler for job charge',
    );
    expect(
      worker({ handlers: [handle(defineJob({ name: 'x', schema, inbox: true }), () => 1)] }),
    ).toThrow('Expected `outbox` in the queue');
    // @ts-expect-error a queue needs a transport
    expect(() => new JobQueue({})).toThrow('Expected `transport`');
    expect(() => queue.relay()).toThrow('Expected `outbox`');
    expect(() => kafkajsTransport({} as never)).toThrow('Expected `kafka`');
    expect(() => postgresOutbox({} as never, { schema: 'a";drop' })).toThrow('Expected `schema`');
    expect(() => redisStatus({} as never, { ttlMs: -1 })).toThrow('Expected `ttlMs`');
  });

  it('of another job may be taken over', () => {
    const { key, retry, timeoutMs } = job;
    expect(defineJob({ ...job, name: 'refund' })).toMatchObject({
      name: 'refund',
      key,
      retry,
      timeoutMs,
    });
    const urgent = defineJob({ name: 'urgent', schema, priority: 'high' });
    expect(defineJob({ ...urgent, name: 'more' }).priorities).toEqual(['high']);
    expect(defineJob({ ...urgent, name: 'less', priority: 'low' }).priorities).toEqual(['low']);
    const depends = defineJob({ ...urgent, name: 'depends', priority: () => 'low' });
    expect(defineJob({ ...depends, name: 'too' }).priorities).toEqual(['high', 'normal', 'low']);
  });
});

describe('enqueue', () => {
  const transport = memoryTransport();
  const queue = new JobQueue({ transport, maxPayloadBytes: 1_000 });

  it('refuses a payload against the schema with its issues, and enqueues nothing', async () => {
    await queue.ensureTopics([job]);
    const bad = queue.enqueue(job, { orderId: 'a', cents: 1.5 });
    await expect(bad).rejects.toMatchObject({
      code: 'ERR_JOB_PAYLOAD',
      job: 'charge',
      issues: [{ path: ['cents'] }],
    });
    await expect(bad).rejects.toThrow('at `cents`');
    expect(transport.records('jobs.default')).toEqual([]);
  });

  it('refuses what is too large, keys that are empty or too long, and what needs an outbox', async () => {
    const text = 'x'.repeat(1_000);
    await expect(queue.enqueue(job, { orderId: text, cents: 1 })).rejects.toMatchObject({
      code: 'ERR_JOB_PAYLOAD_TOO_LARGE',
      maxBytes: 1_000,
    });
    const payload = { orderId: 'a', cents: 1 };
    await expect(queue.enqueue(job, payload, { key: '' })).rejects.toThrow(
      'Expected `key` to be text',
    );
    await expect(queue.enqueue(job, payload, { key: text.repeat(2) })).rejects.toThrow(
      'got 2000 bytes',
    );
    await expect(queue.enqueue(job, payload, { idempotencyKey: 'k' })).rejects.toThrow(
      'without an `outbox`',
    );
    expect(transport.records('jobs.default')).toEqual([]);
  });

  it('names a missing topic, as the cause of a job that was not accepted', async () => {
    const lost = defineJob({ name: 'lost', queue: 'nowhere', schema: z.null() });
    const error = await queue.enqueue(lost, null).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_JOB_NOT_ACCEPTED' });
    expect(String((error as Error).cause)).toContain('jobs.nowhere does not exist');
    expect(JobsError.is(error)).toBe(true);
  });

  it('refuses after close', async () => {
    await queue.close();
    await expect(queue.enqueue(job, { orderId: 'a', cents: 1 })).rejects.toMatchObject({
      code: 'ERR_QUEUE_CLOSED',
    });
  });
});
