import { once } from 'node:events';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startKafka, startRedis, uniqueName } from '../../../test/backends.ts';
import {
  defineJob,
  handle,
  JobQueue,
  kafkajsTransport,
  memoryTransport,
  redisRateLimit,
  redisSpool,
  Worker,
} from '../src/index.ts';
import { Clients } from './clients.ts';
import { startProcess } from './fixtures/start-process.ts';
import { until } from './until.ts';

const clients = new Clients();
afterAll(() => clients.close());
const schema = z.object({ key: z.string(), n: z.number() });
const newJob = () =>
  defineJob({ name: 'test', queue: uniqueName('accept'), schema, key: (p) => p.key });

describe('idempotency', () => {
  it('makes one job of the same key 100 times at once from three processes, and a conflict of another payload', async () => {
    await clients.outbox().migrate();
    const env = { SCHEMA: clients.schema, QUEUE: uniqueName('idem') };
    const times = [34, 33, 33];
    const children = await Promise.all(
      times.map((count) => startProcess('enqueue-process.ts', { ...env, TIMES: String(count) })),
    );
    const answers = children.map((child) => once(child, 'message'));
    for (const child of children) child.send('go');
    const told = (await Promise.all(answers)).map(([answer]) => answer);
    const tickets = told.flatMap((one) => one.tickets);
    expect(tickets).toHaveLength(100);
    expect(new Set(tickets.map(({ id }) => id)).size).toBe(1);
    expect(tickets.filter(({ deduplicated }) => !deduplicated)).toHaveLength(1);
    expect(await clients.count('job_outbox', `job_id = '${tickets[0].id}'`)).toBe(1);
    for (const { conflict } of told) {
      expect(conflict).toEqual({ code: 'ERR_JOB_IDEMPOTENCY_CONFLICT', jobId: tickets[0].id });
    }
  });
});

describe('spool', () => {
  it('takes jobs while Kafka is away, in the order of their keys, and refuses what it cannot hold', {
    timeout: 120_000,
  }, async () => {
    await using server = await startKafka();
    const kafka = new Kafka({ brokers: [server.url], logLevel: logLevel.NOTHING });
    const redis = clients.redis();
    const prefix = uniqueName('spool');
    const spool = redisSpool(redis, { prefix, maxJobs: 100 });
    const options = { transport: kafkajsTransport(kafka), spool, sendBudgetMs: 300 };
    const queue = new JobQueue(options);
    const job = newJob();
    await queue.ensureTopics([job]);
    const seen: number[] = [];
    const worker = new Worker(queue, { handlers: [handle(job, ({ n }) => void seen.push(n))] });
    await worker.run();
    await queue.transport.send([], 20_000); // the budget is for a send, not for the first connection
    expect(await queue.enqueue(job, { key: 'a', n: 0 })).toMatchObject({ durability: 'kafka' });
    server.pause();
    for (let n = 1; n <= 100; n++) {
      expect(await queue.enqueue(job, { key: 'a', n })).toMatchObject({ durability: 'spool' });
    }
    await expect(queue.enqueue(job, { key: 'a', n: 101 })).rejects.toMatchObject({
      code: 'ERR_JOB_SPOOL_FULL',
      maxJobs: 100,
    });
    server.resume();
    await until('all', () => new Set(seen).size === 101, 60_000);
    expect([...new Set(seen)]).toEqual(Array.from({ length: 101 }, (_, n) => n));
    await until('direct sends again', async () => {
      return (await queue.enqueue(job, { key: 'b', n: 1_000 })).durability === 'kafka';
    });
    await worker.drain();
    await queue.close();
  });

  it('is emptied by another process when the one that filled it has died', async () => {
    const transport = memoryTransport();
    const spool = redisSpool(clients.redis(), { prefix: uniqueName('spool') });
    const dying = new JobQueue({ transport, spool, sendBudgetMs: 50 });
    const job = newJob();
    await dying.ensureTopics([job]);
    const resume = transport.stall();
    expect(await dying.enqueue(job, { key: 'a', n: 1 })).toMatchObject({ durability: 'spool' });
    await spool.take(0, async () => {}); // its lock is free
    resume();
    const next = new JobQueue({ transport, spool });
    const seen: number[] = [];
    const worker = new Worker(next, { handlers: [handle(job, ({ n }) => void seen.push(n))] });
    await worker.run();
    await until('the job', () => seen.length > 0);
    await worker.drain();
    await Promise.all([dying.close(), next.close()]);
  });
});

describe('rate limit in Redis', () => {
  it('is shared by all who name it, and limits nothing while Redis is away', async () => {
    const limit = { name: uniqueName('limit'), max: 5, perMs: 1_000 };
    const workers = [
      redisRateLimit(clients.redis(), limit),
      redisRateLimit(clients.redis(), limit),
    ];
    const take = (i: number) => (workers[i % 2] as (typeof workers)[0]).take(0);
    const waits: number[] = [];
    for (let i = 0; i < 20; i++) waits.push(await take(i));
    expect(waits.slice(0, 5)).toEqual([0, 0, 0, 0, 0]);
    for (const waitMs of waits.slice(5)) {
      expect(waitMs).toBeGreaterThan(0);
      expect(waitMs).toBeLessThanOrEqual(1_000);
    }
    await new Promise((resolve) => setTimeout(resolve, 1_100)); // Redis' time cannot be moved
    expect(await take(0)).toBe(0);
    const gone = clients.redis();
    gone.disconnect();
    expect(await redisRateLimit(gone, limit).take(0)).toBe(0);
  });

  it('limits nothing while Redis is frozen, keeps nobody waiting for it, and limits again after', async () => {
    await using server = await startRedis();
    const redis = new Redis(server.url);
    const limit = redisRateLimit(redis, { name: 'frozen', max: 1, perMs: 60_000 });
    expect(await limit.take(0)).toBe(0);
    expect(await limit.take(0)).toBeGreaterThan(0);
    server.pause();
    const from = performance.now();
    for (let n = 0; n < 50; n++) expect(await limit.take(0)).toBe(0);
    expect(performance.now() - from).toBeLessThan(5_000);
    server.resume();
    await until('it limits again', async () => (await limit.take(0)) > 0);
    redis.disconnect();
  });
});
