import { expect, it } from 'vitest';
import { z } from 'zod';
import {
  type BatchItem,
  type DeadLetter,
  defineJob,
  handle,
  handleBatch,
  type JobHandler,
  type JobOptions,
  JobQueue,
  NonRetryableError,
  RetryLater,
  type StatusStore,
  schedule,
  type Transport,
  Worker,
  type WorkerOptions,
} from '../src/index.ts';
import { until } from './until.ts';

const schema = z.object({ key: z.string(), n: z.number() });
type Payload = z.infer<typeof schema>;

/** What jobs can do beside running: retries over topics, replay, delay, schedules, cancellation, priorities, batches, limits. */
export function featuresConformance(
  transport: () => Transport,
  newName: () => string,
  status: () => StatusStore,
): void {
  async function setup(more: Partial<JobOptions<typeof schema>> = {}) {
    const queue = new JobQueue({
      ...{ transport: transport(), status: status(), random: () => 0.5 },
      sendBudgetMs: 30_000, // what is shown here does not depend on how fast the broker answers
    });
    const job = defineJob({ name: 'test', queue: newName(), schema, key: (p) => p.key, ...more });
    await queue.ensureTopics([job], { partitions: 3 });
    const workers: Worker[] = [];
    const work = async (handlers: JobHandler[], options: Partial<WorkerOptions> = {}) => {
      const worker = new Worker(queue, { handlers, sessionTimeoutMs: 6_000, ...options });
      workers.push(worker);
      await worker.run();
      return worker;
    };
    const start = (
      run: JobHandler<typeof schema>['run'],
      options?: Partial<WorkerOptions>,
      handling = {},
    ) => work([handle(job, run, handling)], options);
    const stop = () => Promise.all(workers.map((worker) => worker.drain()));
    return { queue, job, work, start, stop };
  }

  async function letters(queue: JobQueue, name: string, filter = {}): Promise<DeadLetter[]> {
    const found: DeadLetter[] = [];
    for await (const letter of queue.deadLetters(name).list(filter)) found.push(letter);
    return found;
  }

  it('lets later jobs of the key wait behind a held one, through its tiers, while other keys go on', async () => {
    const retry = { attempts: 3, inline: 1, onRetry: 'hold' as const, tiersMs: [1_000, 1_500] };
    const { queue, job, start, stop } = await setup({ retry });
    const log: string[] = [];
    const worker = await start(({ key, n }, ctx) => {
      log.push(`${key}${n}/${ctx.attempt}`);
      if (key === 'a' && n === 0 && ctx.attempt < 3) throw new Error('not yet');
    });
    for (let n = 0; n < 3; n++) await queue.enqueue(job, { key: 'a', n });
    await until('it waits', () => (worker.snapshot().queues[0]?.parked ?? 0) === 3);
    for (let n = 0; n < 20; n++) await queue.enqueue(job, { key: `b${n}`, n });
    await until('the others', () => log.length >= 21);
    expect(log.filter((one) => one.startsWith('a'))).toEqual(['a0/1']);
    await until('all', () => log.includes('a2/1'));
    expect(log.filter((one) => one.startsWith('a'))).toEqual([
      'a0/1',
      'a0/2',
      'a0/3',
      'a1/1',
      'a2/1',
    ]);
    expect(worker.snapshot().queues[0]?.parked).toBe(0);
    await stop();
  });

  it('puts an overtaken job on a retry topic, with its attempts counted, and frees its key at once', async () => {
    const retry = { attempts: 3, inline: 1, onRetry: 'overtake' as const, tiersMs: [1_000] };
    const { queue, job, start, stop } = await setup({ retry });
    const log: string[] = [];
    const at: number[] = [];
    const worker = await start(({ n }, ctx) => {
      log.push(`${n}/${ctx.attempt}`);
      if (n === 0) at.push(Date.now());
      if (n === 0 && ctx.attempt < 3) throw new Error('not yet');
    });
    for (let n = 0; n < 3; n++) await queue.enqueue(job, { key: 'a', n });
    await until('the third attempt', () => log.includes('0/3'));
    expect(log).toEqual(['0/1', '1/1', '2/1', '0/2', '0/3']);
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(950);
    expect(worker.snapshot()).toMatchObject({ retried: 2, failed: 2, dead: 0 });
    await stop();
  });

  it('repeats a job when it asks to be repeated later', async () => {
    const { queue, job, start, stop } = await setup();
    const at: number[] = [];
    await start(() => {
      at.push(Date.now());
      if (at.length === 1) throw new RetryLater(1_200);
    });
    await queue.enqueue(job, { key: 'a', n: 1 });
    await until('the second attempt', () => at.length === 2);
    expect((at[1] as number) - (at[0] as number)).toBeGreaterThanOrEqual(1_150);
    await stop();
  });

  it('compensates a job that is given up before its letter is sent, and tries that again', async () => {
    const { queue, job, start, stop } = await setup({ retry: { attempts: 2, baseMs: 1 } });
    const deaths: unknown[] = [];
    const onDead = (payload: Payload, death: { attempts: number; error: unknown }) => {
      deaths.push([payload.n, death.attempts, (death.error as Error).message]);
      if (deaths.length === 1) throw new Error('the database is away');
    };
    const worker = await start(
      () => {
        throw new Error('no');
      },
      {},
      { onDead },
    );
    await queue.enqueue(job, { key: 'a', n: 7 });
    await until('the letter', () => worker.snapshot().dead === 1);
    expect(deaths).toEqual([
      [7, 2, 'no'],
      [7, 2, 'no'],
    ]);
    await stop();
  });

  it('lists, replays and purges dead letters; a replayed one keeps its id, and is listed no more', async () => {
    const { queue, job, start, stop } = await setup();
    let broken = true;
    const done: string[] = [];
    const worker = await start(({ key }, ctx) => {
      if (broken) throw new NonRetryableError(`no ${key}`);
      done.push(`${ctx.id} ${ctx.attempt}`);
    });
    const tickets = [];
    for (let n = 0; n < 10; n++) tickets.push(await queue.enqueue(job, { key: `k${n % 2}`, n }));
    await until('ten letters', () => worker.snapshot().dead === 10);
    const all = await letters(queue, job.queue);
    expect(all.map(({ id }) => id).sort()).toEqual(tickets.map(({ id }) => id).sort());
    expect(all[0]).toMatchObject({ reason: 'non-retryable', attempts: 1, name: 'test' });
    expect(await letters(queue, job.queue, { error: 'no k1' })).toHaveLength(5);
    broken = false;
    const dead = queue.deadLetters(job.queue);
    const progress: number[] = [];
    const onProgress = ({ seen }: { seen: number }) => progress.push(seen);
    expect(await dead.replay({ key: 'k0' }, { onProgress })).toBe(5);
    await until('five jobs', () => done.length === 5);
    const ofK0 = tickets.filter((_, n) => n % 2 === 0).map(({ id }) => `${id} 1`);
    expect([...done].sort()).toEqual(ofK0.sort());
    expect(progress.at(-1)).toBe(10);
    expect(await letters(queue, job.queue)).toHaveLength(5);
    expect(await dead.replay({ key: 'k0' })).toBe(0);
    expect(await dead.purge({}, { limit: 2 })).toBe(2);
    expect(await dead.purge()).toBe(3);
    expect(await letters(queue, job.queue)).toEqual([]);
    expect(done).toHaveLength(5);
    await stop();
  });

  it('runs a delayed job when it is time, not before, and jobs of now meanwhile', async () => {
    const { queue, job, start, stop } = await setup();
    const at = new Map<number, number>();
    await start(({ n }) => void at.set(n, Date.now()));
    const begun = Date.now();
    await queue.enqueue(job, { key: 'a', n: 1 }, { delayMs: 1_500 });
    await queue.enqueue(job, { key: 'a', n: 2 }, { delayMs: 0 });
    await until('both', () => at.size === 2);
    expect((at.get(2) ?? 0) - begun).toBeLessThan(1_400);
    expect((at.get(1) ?? 0) - begun).toBeGreaterThanOrEqual(1_450);
    await expect(queue.enqueue(job, { key: 'a', n: 1 }, { delayMs: -1 })).rejects.toThrow(
      'Expected `delayMs` to be an integer in [0, 31622400000], got -1',
    );
    await stop();
  });

  it('enqueues a scheduled job at its times', async () => {
    const { queue, job, start, stop } = await setup();
    const seen: number[] = [];
    await start(({ n }) => void seen.push(n));
    const scheduler = queue.scheduler([
      schedule(job, { cron: '* * * * * *', payload: (at) => ({ key: 'cron', n: at.getTime() }) }),
    ]);
    scheduler.run();
    await until('three times', () => seen.length >= 3);
    await scheduler.close();
    const first = seen[0] as number;
    expect(first % 1_000).toBe(0);
    expect(seen.slice(0, 3)).toEqual([first, first + 1_000, first + 2_000]);
    expect(scheduler.snapshot().lastError).toBeNull();
    await stop();
  });

  it('cancels: what waits is skipped, what runs is aborted, what is done stays done', async () => {
    const { queue, job, start, stop } = await setup();
    const ran: number[] = [];
    const reasons: unknown[] = [];
    const worker = await start(async ({ n }, ctx) => {
      ran.push(n);
      if (n !== 1) return;
      await new Promise((_, reject) => {
        ctx.signal.addEventListener('abort', () => {
          reasons.push(ctx.signal.reason);
          reject(new Error('aborted'));
        });
      });
    });
    const tickets = [];
    for (let n = 0; n < 4; n++) tickets.push(await queue.enqueue(job, { key: 'a', n }));
    const [done, running, waiting] = tickets.map(({ id }) => id) as [string, string, string];
    await until('the second runs', () => ran.length === 2);
    expect(await queue.cancel(waiting)).toBe('requested');
    expect(await queue.cancel(done)).toBe('requested');
    expect(await queue.cancel(running)).toBe('requested');
    await until('the last', () => ran.includes(3));
    expect(ran).toEqual([0, 1, 3]);
    expect(reasons).toMatchObject([{ code: 'ERR_JOB_ABORTED', reason: 'cancelled' }]);
    await until('the statuses', async () => (await queue.status(waiting))?.state === 'cancelled');
    expect((await queue.status(running))?.state).toBe('cancelled');
    expect((await queue.status(done))?.state).toBe('succeeded');
    expect(worker.snapshot()).toMatchObject({ failed: 0, dead: 0 });
    await stop();
  });

  it('gives places to high, normal and low as 8 : 3 : 1', async () => {
    const { queue, job, start, stop } = await setup({
      key: (p) => `${p.key}${p.n}`,
      priority: (p) => p.key as 'high' | 'normal' | 'low',
    });
    const order: string[] = [];
    let open: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    for (const key of ['low', 'normal', 'high']) {
      await queue.enqueueMany(
        job,
        Array.from({ length: 120 }, (_, n) => ({ key, n })),
      );
    }
    const worker = await start(
      async ({ key }) => {
        await gate; // the first to be read holds the only place until all are
        order.push(key);
      },
      { concurrency: 1 },
    );
    const read = () => worker.snapshot().queues.reduce((sum, { buffered }) => sum + buffered, 0);
    await until('all are read', () => read() === 360);
    open();
    await until('all', () => order.length === 360);
    const next = order.slice(1, 121);
    for (const [key, share] of [
      ['high', 80],
      ['normal', 30],
      ['low', 10],
    ] as const) {
      const count = next.filter((one) => one === key).length;
      expect(Math.abs(count - share), key).toBeLessThanOrEqual(1); // the first was given before all waited
    }
    await stop();
  });

  it('hands jobs over in batches, and lets one of a batch fail alone', async () => {
    const { queue, job, work, stop } = await setup({
      key: (p) => String(p.n),
      retry: { attempts: 1 },
    });
    const sizes: number[] = [];
    const seen = new Set<number>();
    const run = (items: readonly BatchItem<Payload>[]) => {
      sizes.push(items.length);
      for (const { payload, fail } of items) {
        if (payload.n === 13) fail(new NonRetryableError('unlucky'));
        else seen.add(payload.n);
      }
      return items.map(({ payload }) => payload.n);
    };
    const worker = await work([handleBatch(job, run, { maxSize: 20, maxWaitMs: 100 })]);
    const tickets = await queue.enqueueMany(
      job,
      Array.from({ length: 100 }, (_, n) => ({ key: 'x', n })),
    );
    await until('all', () => seen.size === 99);
    await until('the unlucky one', () => worker.snapshot().dead === 1);
    expect(Math.max(...sizes)).toBe(20);
    expect(sizes.length).toBeLessThan(30);
    await until(
      'the result',
      async () => (await queue.status(tickets[42]?.id ?? ''))?.result === 42,
    );
    await stop();
  });

  it('begins at most as many attempts a second as the rate limit says', async () => {
    const { queue, job, start, stop } = await setup({ key: (p) => String(p.n) });
    const at: number[] = [];
    await start(() => void at.push(Date.now()), {}, { rateLimit: { max: 5, perMs: 300 } });
    const begun = Date.now();
    await queue.enqueueMany(
      job,
      Array.from({ length: 20 }, (_, n) => ({ key: 'x', n })),
    );
    await until('all', () => at.length === 20);
    at.sort((a, b) => a - b);
    // An attempt may begin later than its moment (rate-limit.test.ts has the moments), never earlier
    for (const [i, time] of at.entries()) {
      expect(time - begun).toBeGreaterThanOrEqual(Math.floor(i / 5) * 300 - 2); // timers round
    }
    await stop();
  });

  it('refuses a second worker with another definition of a job', async () => {
    const { queue, job, start, stop } = await setup();
    await start(() => {});
    const other = defineJob({ ...options(job.queue), timeoutMs: 5 });
    expect(() => new Worker(queue, { handlers: [handle(other, () => {})] })).toThrow(
      `Expected one definition of job test in queue ${job.queue}: \`timeoutMs\` is 30000 in one, 5 in another`,
    );
    await expect(queue.enqueue(other, { key: 'a', n: 1 })).rejects.toThrow(
      'Expected one definition',
    );
    const second = new JobQueue({ transport: queue.transport });
    expect(() => new Worker(second, { handlers: [handle(other, () => {})] })).toThrow(
      'Expected one definition',
    );
    await stop();
  });

  const options = (queue: string) => ({
    name: 'test',
    queue,
    schema,
    key: (p: Payload) => p.key,
  });
}
