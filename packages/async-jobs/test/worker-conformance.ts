import { expect, it } from 'vitest';
import { z } from 'zod';
import {
  defineJob,
  handle,
  type IncomingRecord,
  type JobHandler,
  type JobOptions,
  JobQueue,
  NonRetryableError,
  type StandardSchema,
  type Transport,
  Worker,
  type WorkerOptions,
} from '../src/index.ts';
import { RecordingListener } from './recording-listener.ts';
import { until } from './until.ts';

const schema = z.object({ key: z.string(), n: z.number() });

/** What the worker must do on every transport. */
export function workerConformance(transport: () => Transport, newName: () => string): void {
  function setup(more: Partial<JobOptions<typeof schema>> = {}) {
    // the budget is not what is shown here
    const queue = new JobQueue({
      ...{ transport: transport(), random: () => 0.001, sendBudgetMs: 30_000 },
    });
    const job = defineJob({ name: 'test', queue: newName(), schema, key: (p) => p.key, ...more });
    const topic = `jobs.${job.queue}`;
    const start = async (
      handler: JobHandler<typeof schema>['run'],
      options: Partial<WorkerOptions> = {},
    ) => {
      await queue.ensureTopics([job], { partitions: 3 });
      const worker = new Worker(queue, {
        handlers: [handle(job, handler)],
        sessionTimeoutMs: 6_000,
        ...options,
      });
      const errors: unknown[] = [];
      worker.on('error', (error) => errors.push(error));
      await worker.run();
      return { worker, errors };
    };
    return { queue, job, topic, start };
  }

  async function deadLetters(topic: string, count: number): Promise<IncomingRecord[]> {
    const listener = new RecordingListener();
    const subscription = transport().subscribe(
      {
        topics: [`${topic}.dlq`],
        group: newName(),
        sessionTimeoutMs: 6_000,
        heartbeatMs: 500,
        rebalanceTimeoutMs: 10_000,
      },
      listener,
    );
    await subscription.start();
    await until(`${count} dead letters`, () => listener.taken.length >= count);
    await subscription.close();
    return listener.taken.map(({ record }) => record);
  }

  it('keeps the order of a key while more jobs run than there are partitions', async () => {
    const { queue, job, start } = setup();
    const seen = new Map<string, number[]>();
    let running = 0;
    let most = 0;
    let done = 0;
    const active = new Set<string>();
    const { worker } = await start(async ({ key, n }) => {
      expect(active.has(key)).toBe(false);
      active.add(key);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, n % 5));
      seen.set(key, [...(seen.get(key) ?? []), n]);
      running--;
      active.delete(key);
      done++;
    });
    const payloads = Array.from({ length: 600 }, (_, n) => ({ key: `k${n % 40}`, n }));
    await queue.enqueueMany(job, payloads);
    await until('600 jobs', () => done >= 600);
    expect(most).toBeGreaterThan(6);
    for (const [key, numbers] of seen) {
      expect(numbers).toEqual(payloads.filter((p) => p.key === key).map(({ n }) => n));
    }
    await worker.drain();
  });

  it('runs at most `concurrency` handlers', async () => {
    const { queue, job, start } = setup();
    let running = 0;
    let most = 0;
    let done = 0;
    const { worker } = await start(
      async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 2));
        running--;
        done++;
      },
      { concurrency: 4, maxBufferedJobs: 30 },
    );
    await queue.enqueueMany(
      job,
      Array.from({ length: 200 }, (_, n) => ({ key: String(n), n })),
    );
    await until('200 jobs', () => done === 200);
    expect(most).toBe(4);
    await worker.drain();
  });

  it('gives the handler the checked payload and the facts of the job', async () => {
    const { queue, job, start } = setup({
      schema: z.object({ key: z.string(), n: z.number().default(7) }) as never,
    });
    const given: unknown[] = [];
    const { worker } = await start((payload, ctx) => {
      given.push([payload, ctx.id, ctx.name, ctx.queue, ctx.key, ctx.attempt, ctx.signal.aborted]);
    });
    const ticket = await queue.enqueue(job, { key: 'a' } as never);
    expect(ticket).toMatchObject({ state: 'accepted', deduplicated: false, durability: 'kafka' });
    await until('the job', () => given.length === 1);
    expect(given[0]).toEqual([{ key: 'a', n: 7 }, ticket.id, 'test', job.queue, 'a', 1, false]);
    await worker.drain();
  });

  it('repeats a failed job with its key waiting behind it, then goes on', async () => {
    const { queue, job, start } = setup({ retry: { attempts: 5, inline: 5, baseMs: 1 } });
    const log: string[] = [];
    const { worker } = await start(({ n }, ctx) => {
      log.push(`${n}/${ctx.attempt}`);
      if (n === 1 && ctx.attempt < 3) throw new Error('not yet');
    });
    for (const n of [0, 1, 2]) await queue.enqueue(job, { key: 'same', n });
    await until('all', () => log.includes('2/1'));
    expect(log).toEqual(['0/1', '1/1', '1/2', '1/3', '2/1']);
    expect(worker.snapshot()).toMatchObject({ failed: 2, dead: 0 });
    await worker.drain();
  });

  it('sends a job to the dead letters after its last attempt, at once for a NonRetryableError, and lives on after a TypeError', async () => {
    const { queue, job, topic, start } = setup({ retry: { attempts: 3, inline: 3, baseMs: 1 } });
    const attempts: Record<string, number> = {};
    const { worker } = await start(({ key }) => {
      attempts[key] = (attempts[key] ?? 0) + 1;
      if (key === 'final') throw new NonRetryableError('card stolen');
      if (key === 'type') (undefined as unknown as { boom(): void }).boom();
      if (key === 'syntax') JSON.parse('{');
      if (key === 'string') throw 'text';
    });
    for (const key of ['final', 'type', 'syntax', 'string', 'good'])
      await queue.enqueue(job, { key, n: 1 });
    const letters = await deadLetters(topic, 4);
    await until('good', () => attempts.good === 1);
    expect(attempts).toEqual({ final: 1, type: 3, syntax: 3, string: 3, good: 1 });
    const byKey = new Map(letters.map((letter) => [letter.key, letter.headers]));
    expect(byKey.get('final')).toMatchObject({
      'dlq-reason': 'non-retryable',
      'dlq-error': 'card stolen',
      'dlq-attempts': '1',
      'dlq-topic': topic,
      'dlq-group': `jobs.${job.queue}`,
      'job-name': 'test',
    });
    expect(byKey.get('type')).toMatchObject({
      'dlq-reason': 'attempts',
      'dlq-error-name': 'TypeError',
      'dlq-attempts': '3',
    });
    expect(byKey.get('type')?.['dlq-stack']).toContain('worker-conformance');
    expect(byKey.get('string')).toMatchObject({ 'dlq-error': 'text', 'dlq-error-name': 'string' });
    expect(worker.snapshot()).toMatchObject({ state: 'running', dead: 4, completed: 1 });
    await worker.drain();
  });

  it('sends poison to the dead letters with its reason: broken JSON, wrong payload, unknown job, no job at all', async () => {
    const { queue, job, topic, start } = setup();
    const handled: number[] = [];
    const { worker } = await start(({ n }) => void handled.push(n));
    const record = (value: string, headers: Record<string, string>) => ({
      topic,
      key: 'k',
      value,
      headers,
    });
    const named = { 'job-id': 'x', 'job-name': 'test' };
    await transport().send(
      [
        record('{"key":', named),
        record('{"key":"k","n":"one"}', named),
        record('{"key":"k","n":1}', { ...named, 'job-name': 'renamed' }),
        record('{"key":"k","n":1}', {}),
        record('', named),
      ],
      5_000,
    );
    await queue.enqueue(job, { key: 'k', n: 42 });
    await until('the good one', () => handled.length === 1);
    expect(handled).toEqual([42]);
    const letters = await deadLetters(topic, 5);
    expect(letters.map(({ headers }) => headers['dlq-reason'])).toEqual([
      'payload',
      'payload',
      'unknown-job',
      'not-a-job',
      'payload',
    ]);
    expect(letters.map(({ value }) => Buffer.from(value ?? '').toString())[0]).toBe('{"key":');
    await worker.drain();
  });

  it('parks the queue while everything fails, sends nothing to the dead letters, and goes on by itself', async () => {
    const { queue, job, start } = setup({ retry: { attempts: 2, baseMs: 1 } });
    let up = false;
    let refused = 0;
    const done = new Map<number, number>();
    const { worker } = await start(
      ({ n }, ctx) => {
        if (!up) {
          refused++;
          throw new Error('connection refused');
        }
        done.set(n, ctx.attempt);
      },
      { brake: { failures: 10, probeMs: 200 }, concurrency: 20 },
    );
    const states: string[] = [];
    worker.on('brake', ({ state }) => states.push(state));
    await queue.enqueueMany(
      job,
      Array.from({ length: 200 }, (_, n) => ({ key: String(n), n })),
    );
    await until('it is parked', () => states.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(refused).toBeLessThan(30);
    up = true;
    await until('all', () => done.size === 200);
    expect(states).toEqual(['parked', 'ramping', 'released']);
    expect(Math.max(...done.values())).toBeLessThanOrEqual(2);
    expect(worker.snapshot()).toMatchObject({ dead: 0, completed: 200 });
    await worker.drain();
  });

  it('survives a throwing listener', async () => {
    const { queue, job, start } = setup();
    const { worker } = await start(() => {});
    worker.on('completed', () => {
      throw new Error('a listener of the user');
    });
    for (let n = 0; n < 3; n++) await queue.enqueue(job, { key: 'k', n });
    await until('three jobs', () => worker.snapshot().completed === 3);
    await worker.drain();
  });

  it('drains: what runs ends, what waits is handed back and runs on the next worker exactly once', async () => {
    const { queue, job, start } = setup();
    const done: number[] = [];
    const slow: JobHandler<StandardSchema>['run'] = async (payload) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      done.push((payload as { n: number }).n);
    };
    const first = await start(slow, { concurrency: 5 });
    await queue.enqueueMany(
      job,
      Array.from({ length: 30 }, (_, n) => ({ key: String(n), n })),
    );
    await until('it is full', () => first.worker.snapshot().queues[0]?.running === 5);
    const { abandoned, tookMs } = await first.worker.drain({ timeoutMs: 5_000 });
    expect(abandoned).toBe(0);
    expect(tookMs).toBeLessThan(4_000);
    const before = done.length;
    expect(before).toBeGreaterThanOrEqual(5);
    expect(before).toBeLessThan(30);
    const second = await start(slow, { concurrency: 30 });
    await until('all', () => done.length >= 30);
    await second.worker.drain();
    expect([...done].sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n));
  });

  it('drains in time although a handler does not end, aborting it first; its job runs again elsewhere', async () => {
    const { queue, job, start } = setup();
    const reasons: unknown[] = [];
    const first = await start(async (_, ctx) => {
      ctx.signal.addEventListener('abort', () => reasons.push(ctx.signal.reason));
      await new Promise(() => {});
    });
    await queue.enqueue(job, { key: 'a', n: 1 });
    await until('it runs', () => first.worker.snapshot().queues[0]?.running === 1);
    const { abandoned, tookMs } = await first.worker.drain({ timeoutMs: 500 });
    expect(abandoned).toBe(1);
    expect(tookMs).toBeLessThan(3_000);
    expect(reasons).toMatchObject([{ code: 'ERR_JOB_ABORTED', reason: 'shutdown' }]);
    expect(first.worker.snapshot()).toMatchObject({ state: 'closed', failed: 0, dead: 0 });
    const attempts: number[] = [];
    const second = await start((_, ctx) => void attempts.push(ctx.attempt));
    await until('it ran', () => attempts.length === 1);
    expect(attempts).toEqual([1]);
    await second.worker.drain();
  });

  it('keeps every job and the order per key while workers come and go', async () => {
    const { queue, job, start } = setup();
    const seen = new Map<string, number[]>();
    const handler: JobHandler<StandardSchema>['run'] = async (payload) => {
      const { key, n } = payload as { key: string; n: number };
      await new Promise((resolve) => setTimeout(resolve, 3));
      seen.set(key, [...(seen.get(key) ?? []), n]);
    };
    const { worker: first } = await start(handler);
    const enqueued: { key: string; n: number }[] = [];
    const more = async (count: number) => {
      const batch = Array.from({ length: count }, (_, i) => ({
        key: `k${i % 20}`,
        n: enqueued.length + i,
      }));
      enqueued.push(...batch);
      await queue.enqueueMany(job, batch);
    };
    await more(300);
    const { worker: second } = await start(handler);
    await more(300);
    const { worker: third } = await start(handler);
    await more(300);
    await first.drain();
    await more(100);
    const distinct = () =>
      [...seen.values()].reduce((sum, numbers) => sum + new Set(numbers).size, 0);
    await until('1,000 jobs', () => distinct() >= 1_000, 40_000);
    for (const [key, numbers] of seen) {
      // A job may be delivered twice, at a rebalance; the first runs of a key are in order
      const firsts = [...new Set(numbers)];
      expect(firsts).toEqual(enqueued.filter((one) => one.key === key).map(({ n }) => n));
    }
    await Promise.all([second.drain(), third.drain()]);
  });

  it('reports its health, and that it no longer runs', async () => {
    const { start } = setup();
    const { worker } = await start(() => {});
    const { name, check } = worker.healthCheck();
    expect(name).toBe('worker');
    expect(await check(AbortSignal.timeout(1_000))).toMatchObject({ state: 'running' });
    await worker.drain();
    await expect(check(AbortSignal.timeout(1_000))).rejects.toMatchObject({
      code: 'ERR_JOBS_UNHEALTHY',
    });
    await expect(worker.run()).rejects.toMatchObject({ code: 'ERR_QUEUE_CLOSED' });
  });
}
