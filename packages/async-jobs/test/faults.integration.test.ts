import { Redis } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startKafka, startRedis, uniqueName } from '../../../test/backends.ts';
import {
  defineJob,
  handle,
  JobQueue,
  kafkajsTransport,
  redisStatus,
  Worker,
} from '../src/index.ts';
import { Clients } from './clients.ts';
import { sendBySnappy, useSnappy } from './fixtures/snappy.ts';
import { transportTo } from './fixtures/transport.ts';
import { until } from './until.ts';

const clients = new Clients();
afterAll(() => clients.close());

const schema = z.object({ key: z.string(), n: z.number() });
const newJob = (more = {}) =>
  defineJob({ name: 'test', queue: uniqueName('faults'), schema, key: (p) => p.key, ...more });

describe('faults', () => {
  it('Redis dies during a job: the job succeeds, and the status catches up', async () => {
    await using server = await startRedis();
    const redis = new Redis(server.url, { retryStrategy: () => 100, maxRetriesPerRequest: 2 });
    redis.on('error', () => {});
    const queue = new JobQueue({
      transport: clients.transport(),
      status: redisStatus(redis),
    });
    const job = newJob();
    await queue.ensureTopics([job]);
    const done: number[] = [];
    const worker = new Worker(queue, {
      handlers: [
        handle(job, async ({ n }, ctx) => {
          ctx.progress(10);
          if (n === 0) await server.kill();
          ctx.progress(50);
          done.push(n);
          return n;
        }),
      ],
    });
    await worker.run();
    const ticket = await queue.enqueue(job, { key: 'a', n: 0 });
    for (let n = 1; n < 20; n++) await queue.enqueue(job, { key: 'a', n });
    await until('20 jobs', () => worker.snapshot().completed === 20);
    expect(worker.snapshot()).toMatchObject({ failed: 0, dead: 0 });
    expect(done).toHaveLength(20);
    await server.restart();
    await until(
      'the status',
      async () => (await queue.status(ticket.id).catch(() => null))?.state === 'succeeded',
    );
    await worker.drain();
    await queue.close();
    redis.disconnect();
  });

  it('a handler longer than the session timeout runs once, and holds up only its key', async () => {
    const queue = new JobQueue({ transport: clients.transport(), sendBudgetMs: 30_000 });
    const job = newJob();
    await queue.ensureTopics([job], { partitions: 1 });
    const begun: string[] = [];
    const ended: string[] = [];
    const worker = new Worker(queue, {
      sessionTimeoutMs: 6_000,
      handlers: [
        handle(job, async ({ key, n }) => {
          begun.push(key + n);
          if (key === 'slow' && n === 0) await new Promise((resolve) => setTimeout(resolve, 9_000));
          ended.push(key + n);
        }),
      ],
    });
    await worker.run();
    await queue.enqueue(job, { key: 'slow', n: 0 });
    await queue.enqueue(job, { key: 'slow', n: 1 });
    for (let n = 0; n < 50; n++) await queue.enqueue(job, { key: 'quick', n });
    await until('the quick ones', () => ended.length === 50, 5_000);
    await until('the slow ones', () => ended.includes('slow1'), 20_000);
    expect(begun).toHaveLength(52);
    expect(ended.slice(-2)).toEqual(['slow0', 'slow1']);
    await worker.drain();
    await queue.close();
  });

  it.each([
    ['after', 0],
    ['before', 1_000],
  ])(
    'kafkajs: a record in a codec that is missing, met %s the committed offsets are read, makes the worker unwell; once the codec is there, it goes on by itself',
    {
      timeout: 90_000,
    },
    async (_, offsetsAfterMs) => {
      const kafka = clients.kafka();
      const admin = kafka.admin.bind(kafka);
      kafka.admin = () => {
        const slow = admin();
        const fetchOffsets = slow.fetchOffsets.bind(slow);
        slow.fetchOffsets = async (options) => {
          await new Promise((resolve) => setTimeout(resolve, offsetsAfterMs));
          return fetchOffsets(options);
        };
        return slow;
      };
      const queue = new JobQueue({ transport: kafkajsTransport(kafka), sendBudgetMs: 30_000 });
      const job = newJob();
      await queue.ensureTopics([job], { partitions: 1 });
      const seen: number[] = [];
      const worker = new Worker(queue, {
        sessionTimeoutMs: 6_000, // so long a client that broke before it could leave is waited for
        handlers: [handle(job, ({ n }) => void seen.push(n))],
      });
      await worker.run();
      await queue.enqueue(job, { key: 'a', n: 1 });
      await until('a good job', () => seen.length === 1);

      await sendBySnappy(clients.kafka(), `jobs.${job.queue}`, {
        key: 'a',
        value: '{"key":"a","n":2}',
        headers: { 'job-id': 'two', 'job-name': 'test' },
      });

      const health = () => worker.healthCheck().check(AbortSignal.timeout(1_000));
      await until(
        'it is unwell',
        () =>
          health().then(
            () => false,
            () => true,
          ),
        40_000,
      );
      await expect(health()).rejects.toThrow('its client keeps breaking');
      const forget = useSnappy();
      await until('the job', () => seen.includes(2), 40_000);
      // in order, and the first perhaps twice: the new client may have read its offset before it was committed
      expect([...new Set(seen)]).toEqual([1, 2]);
      forget();
      await worker.drain();
      await queue.close();
    },
  );

  it('the relay listens again after its connection was cut', async () => {
    const queue = await clients.queue();
    const job = newJob();
    await queue.ensureTopics([job]);
    const relay = queue.relay({ pollMs: 50 });
    const errors: unknown[] = [];
    relay.on('error', (error) => errors.push(error));
    await relay.run();
    const { rows } = await clients.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = $1`,
      [`LISTEN "job_outbox.${clients.schema}"`],
    );
    expect(rows).toHaveLength(1);
    await until('it noticed', () => errors.length > 0);
    await queue.enqueue(job, { key: 'a', n: 1 });
    await until('it is sent', () => relay.snapshot().sent === 1);
    const listening = async () =>
      (
        await clients.pool.query(`SELECT 1 FROM pg_stat_activity WHERE query = $1`, [
          `LISTEN "job_outbox.${clients.schema}"`,
        ])
      ).rows.length;
    await until('it listens again', async () => (await listening()) === 1);
    await relay.close();
    await until('it has let go', async () => (await listening()) === 0);
  });

  it('the broker is killed and comes back: no job is lost, the order per key is kept', {
    timeout: 180_000,
  }, async () => {
    await using server = await startKafka();
    const outbox = clients.outbox();
    await outbox.migrate();
    const queue = new JobQueue({ transport: transportTo(server.url), outbox });
    const job = newJob();
    await queue.ensureTopics([job]);
    const seen = new Map<string, number[]>();
    const worker = new Worker(queue, {
      sessionTimeoutMs: 6_000,
      handlers: [
        handle(job, async ({ key, n }) => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          seen.set(key, [...(seen.get(key) ?? []), n]);
        }),
      ],
    });
    await worker.run();
    const relay = queue.relay({ batchSize: 50 });
    await relay.run();
    const handled = () =>
      [...seen.values()].reduce((sum, numbers) => sum + new Set(numbers).size, 0);
    const payloads = Array.from({ length: 1_000 }, (_, n) => ({ key: `k${n % 25}`, n }));
    await queue.enqueueMany(job, payloads.slice(0, 500));
    await until('a part', () => handled() > 100);
    await server.kill();
    await queue.enqueueMany(job, payloads.slice(500)); // accepted while Kafka is away
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await server.restart();
    await until('all', () => handled() === 1_000, 100_000);
    for (const [key, numbers] of seen) {
      expect([...new Set(numbers)]).toEqual(
        payloads.filter((p) => p.key === key).map(({ n }) => n),
      );
    }
    await relay.close();
    await worker.drain();
    await queue.close();
  });
});
