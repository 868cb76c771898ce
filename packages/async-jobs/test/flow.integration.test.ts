import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { uniqueName } from '../../../test/backends.ts';
import {
  defineJob,
  flow,
  handle,
  type JobQueue,
  memoryTransport,
  NonRetryableError,
  type OutboxRelay,
  step,
  Worker,
} from '../src/index.ts';
import { Clients } from './clients.ts';
import { flowConformance } from './flow-conformance.ts';
import { until } from './until.ts';

const clients = new Clients();
const own = new Clients();
let queue: JobQueue;
let relay: OutboxRelay;
beforeAll(async () => {
  queue = await clients.queue();
  relay = queue.relay();
  await relay.run();
});
afterAll(() => Promise.all([clients.close(), own.close()]));

const order = z.object({ order: z.string(), fail: z.string().optional() });

/** Reserve, charge, ship; the first two can be taken back. */
function booking() {
  const name = uniqueName('flow');
  const retry = { attempts: 2, baseMs: 1 };
  const define = (job: string) => defineJob({ name: job, queue: name, schema: order, retry });
  const reserve = define('reserve');
  const charge = define('charge');
  const ship = define('ship');
  const release = define('release');
  const refund = define('refund');
  const jobs = [reserve, charge, ship, release, refund];
  const definition = flow(name, order, [
    step(reserve, ({ payload }) => payload, { job: release, input: ({ payload }) => payload }),
    step(
      charge,
      ({ payload, results }) => ({ ...payload, order: `${payload.order}:${results[0].seat}` }),
      { job: refund, input: ({ payload, results }) => ({ ...payload, order: results[1] }) },
    ),
    step(ship, ({ payload }) => payload),
  ]);
  const log: string[] = [];
  const handlers = jobs.map((job) =>
    handle(job, (payload) => {
      log.push(`${job.name} ${payload.order}`);
      if (payload.fail?.split(' ').includes(job.name))
        throw new NonRetryableError(`no ${job.name}`);
      return job.name === 'reserve' ? { seat: 'A1' } : `${job.name}-17`;
    }),
  );
  return { definition, jobs, handlers, log };
}

async function started() {
  const made = booking();
  await queue.ensureTopics(made.jobs);
  const worker = new Worker(queue, { handlers: made.handlers, flows: [made.definition] });
  const errors: unknown[] = [];
  worker.on('error', (error) => errors.push(error));
  await worker.run();
  const ended = (id: string, state: string) =>
    until(state, async () => (await queue.flow(id))?.state === state);
  return { ...made, worker, errors, ended };
}

describe('flow', () => {
  flowConformance(
    () => memoryTransport(),
    () => uniqueName('flow'),
    () => own.outbox(), // another relay must not take its jobs
  ); // on Kafka beside the other suites

  it('takes back only what was done, and is stuck when that is given up', async () => {
    const { definition, worker, log, ended } = await started();
    const { id } = await queue.start(definition, { order: 'o3', fail: 'charge' });
    await ended(id, 'compensated');
    expect(log).toEqual(['reserve o3', 'charge o3:A1', 'release o3']);
    const { id: other } = await queue.start(definition, { order: 'o4', fail: 'charge release' });
    await ended(other, 'stuck');
    expect((await queue.flow(other))?.error).toBe('no release');
    await worker.drain();
  });

  it('exists if and only if its transaction commits, and once per idempotency key', async () => {
    const { definition, worker, log, ended } = await started();
    const client = await clients.pool.connect();
    await client.query('BEGIN');
    const lost = await queue.start(definition, { order: 'lost' }, { tx: client });
    await client.query('ROLLBACK');
    client.release();
    const starts = await Promise.all(
      Array.from({ length: 20 }, () =>
        queue.start(definition, { order: 'once' }, { idempotencyKey: 'k' }),
      ),
    );
    expect(new Set(starts.map(({ id }) => id)).size).toBe(1);
    expect(starts.filter(({ deduplicated }) => !deduplicated)).toHaveLength(1);
    await ended(starts[0]?.id ?? '', 'succeeded');
    expect(await queue.flow(lost.id)).toBeNull();
    expect(log).toEqual(['reserve once', 'charge once:A1', 'ship once']);
    await expect(
      queue.start(definition, { order: 'other' }, { idempotencyKey: 'k' }),
    ).rejects.toMatchObject({ code: 'ERR_JOB_IDEMPOTENCY_CONFLICT' });
    await expect(queue.start(definition, { order: 4 } as never)).rejects.toMatchObject({
      code: 'ERR_JOB_PAYLOAD',
    });
    await worker.drain();
  });
});

describe('outbox', () => {
  const schema = z.object({ key: z.string(), n: z.number() });
  const newJob = () =>
    defineJob({ name: 'test', queue: uniqueName('delayed'), schema, key: (p) => p.key });

  it('keeps a delayed job in its table until it is time, and lets a cancelled one never leave', async () => {
    const job = newJob();
    await queue.ensureTopics([job]);
    const at = new Map<number, number>();
    const worker = new Worker(queue, {
      handlers: [handle(job, ({ n }) => void at.set(n, Date.now()))],
    });
    await worker.run();
    const begun = Date.now();
    const soon = await queue.enqueue(job, { key: 'a', n: 1 }, { delayMs: 1_000 });
    const later = await queue.enqueue(
      job,
      { key: 'a', n: 2 },
      { delayMs: 60_000, idempotencyKey: 'x' },
    );
    await queue.enqueueMany(
      job,
      [
        { key: 'a', n: 3 },
        { key: 'b', n: 4 },
      ],
      { delayMs: 800 },
    );
    await queue.enqueue(job, { key: 'a', n: 0 });
    await until('four', () => at.size === 4);
    expect((at.get(0) ?? 0) - begun).toBeLessThan(700);
    expect((at.get(1) ?? 0) - begun).toBeGreaterThanOrEqual(990);
    expect((at.get(1) ?? 0) - begun).toBeLessThan(2_500);
    expect(await queue.cancel(later.id)).toBe('removed');
    expect(await queue.cancel(soon.id)).toBe('requested');
    await until('its status', async () => (await queue.status(later.id))?.state === 'cancelled');
    expect(await clients.count('job_delayed')).toBe(0);
    await worker.drain();
  });
});
