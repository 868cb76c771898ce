import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { backends, uniqueName } from '../../../test/backends.ts';
import { defineJob, handle, JobQueue, memoryTransport, Worker } from '../src/index.ts';
import { MIGRATIONS } from '../src/postgres-schema.ts';
import { Clients } from './clients.ts';
import { until } from './until.ts';

const clients = new Clients();
let queue: JobQueue;
afterAll(() => clients.close());
// Jobs of queues without a topic would hold up the relays of the tests that follow
afterEach(() => clients.pool.query(`DELETE FROM "${clients.schema}".job_outbox`));
beforeAll(async () => {
  queue = await clients.queue();
});

function newJob(name = 'test') {
  return defineJob({
    name,
    queue: uniqueName('outbox'),
    schema: z.object({ key: z.string(), n: z.number() }),
    key: (p) => p.key,
  });
}

async function waiting(jobQueue: string): Promise<number> {
  return clients.count('job_outbox', `queue = '${jobQueue}'`);
}

describe('schema', () => {
  it('is created once by many processes at the same time', async () => {
    const other = new Clients();
    await Promise.all(Array.from({ length: 8 }, () => other.outbox().migrate()));
    await other.outbox().migrate();
    expect(await other.count('job_migrations')).toBe(MIGRATIONS.length);
    await other.close();
  });

  it('ships as SQL files that are the same', async () => {
    for (const { version, name, sql } of MIGRATIONS) {
      const file = new URL(
        `../sql/${String(version).padStart(3, '0')}-${name}.sql`,
        import.meta.url,
      );
      expect(await readFile(file, 'utf8')).toBe(sql.replaceAll('{schema}.', ''));
    }
  });
});

describe('enqueue in a transaction', () => {
  it('leaves no job when it is rolled back, and exactly one when it commits', async () => {
    const job = newJob();
    await queue.ensureTopics([job]);
    const relay = queue.relay();
    await relay.run();
    const seen: string[] = [];
    const worker = new Worker(queue, {
      handlers: [handle(job, (_, ctx) => void seen.push(ctx.id))],
    });
    await worker.run();
    const client = await clients.pool.connect();

    await client.query('BEGIN');
    const lost = await queue.enqueue(
      job,
      { key: 'a', n: 1 },
      { tx: client, idempotencyKey: 'lost' },
    );
    await client.query('ROLLBACK');

    await client.query('BEGIN');
    const ticket = await queue.enqueue(job, { key: 'a', n: 1 }, { tx: client });
    expect(ticket).toMatchObject({ durability: 'outbox', deduplicated: false });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(seen).toEqual([]); // not committed: nobody sees it
    await client.query('COMMIT');
    client.release();

    await until('the job', () => seen.length > 0);
    // The key of the transaction that was rolled back is free
    const again = await queue.enqueue(job, { key: 'a', n: 1 }, { idempotencyKey: 'lost' });
    expect(again.deduplicated).toBe(false);
    expect(again.id).not.toBe(lost.id);
    await until('both', () => seen.length === 2);
    expect(seen).toEqual([ticket.id, again.id]);
    await worker.drain();
    await relay.close();
    expect(await waiting(job.queue)).toBe(0);
  });

  it('prepares its statements once a connection, and none where that is turned off', async () => {
    for (const [options, most] of [
      [{}, 2], // with and without a notification
      [{ prepare: false }, 0],
    ] as const) {
      const job = newJob();
      const own = new JobQueue({
        transport: queue.transport,
        outbox: clients.outbox(options),
      });
      const client = new pg.Client(backends().databaseUrl);
      await client.connect();
      for (let n = 0; n < 5; n++) await own.enqueue(job, { key: 'a', n }, { tx: client });
      const { rows } = await client.query(
        `SELECT name FROM pg_prepared_statements WHERE name LIKE 'async_jobs_%'`,
      );
      await client.end();
      expect(rows.length > 0).toBe(most > 0);
      expect(rows.length).toBeLessThanOrEqual(most);
      expect(await waiting(job.queue)).toBe(5);
    }
  });

  it('brings an idle queue’s job to its handler in less than 100 ms', async () => {
    const job = newJob();
    await queue.ensureTopics([job]);
    const relay = queue.relay({ pollMs: 10_000 });
    await relay.run();
    const worker = new Worker(queue, { handlers: [handle(job, () => {})] });
    const latencies: number[] = [];
    worker.on('completed', ({ latencyMs }) => latencies.push(latencyMs));
    await worker.run();
    for (let n = 0; n < 12; n++) {
      await queue.enqueue(job, { key: 'a', n });
      await until('the job', () => latencies.length > n);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    latencies.sort((a, b) => a - b);
    expect(latencies[6]).toBeLessThan(100);
    await worker.drain();
    await relay.close();
  });
});

describe('relay', () => {
  it('loses none of 15 writers whose transactions end in another order than they began, and repeats none', async () => {
    const job = newJob();
    await queue.ensureTopics([job]);
    const relays = [queue.relay({ batchSize: 50 }), queue.relay({ batchSize: 50 })];
    await Promise.all(relays.map((relay) => relay.run()));
    const enqueued = new Set<string>();
    const writer = async (w: number) => {
      for (let i = 0; i < 40; i++) {
        const client = await clients.pool.connect();
        await client.query('BEGIN');
        const ids: string[] = [];
        for (let j = 0; j < 5; j++) {
          ids.push((await queue.enqueue(job, { key: `k${(w + j) % 9}`, n: i }, { tx: client })).id);
        }
        if ((w + i) % 4 === 0) await new Promise((resolve) => setTimeout(resolve, (w * 7) % 30));
        if ((w + i) % 10 === 0) {
          await client.query('ROLLBACK');
        } else {
          await client.query('COMMIT');
          for (const id of ids) enqueued.add(id);
        }
        client.release();
      }
    };
    await Promise.all(Array.from({ length: 15 }, (_, w) => writer(w)));
    await until('an empty outbox', async () => (await waiting(job.queue)) === 0);
    const seen: string[] = [];
    const worker = new Worker(queue, {
      handlers: [handle(job, (_, ctx) => void seen.push(ctx.id))],
    });
    await worker.run();
    await until('all jobs', () => seen.length >= enqueued.size);
    await worker.drain();
    await Promise.all(relays.map((relay) => relay.close()));
    expect(seen.length).toBe(enqueued.size);
    expect(new Set(seen)).toEqual(enqueued);
  });

  it('sends the jobs of a key in the order they were committed', async () => {
    const job = newJob();
    await queue.ensureTopics([job]);
    for (let n = 0; n < 300; n++) await queue.enqueue(job, { key: `k${n % 3}`, n });
    const relay = queue.relay({ batchSize: 20 });
    await relay.run();
    const seen: Record<string, number[]> = { k0: [], k1: [], k2: [] };
    const worker = new Worker(queue, {
      handlers: [handle(job, ({ key, n }) => void seen[key]?.push(n))],
    });
    await worker.run();
    await until('all', () => Object.values(seen).flat().length === 300);
    for (const numbers of Object.values(seen))
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    await worker.drain();
    await relay.close();
  });

  it('moves large jobs of one key in order, a few megabytes at a time', async () => {
    const job = defineJob({
      name: 'large',
      queue: uniqueName('outbox'),
      schema: z.object({ n: z.number(), text: z.string() }),
      key: () => 'same',
    });
    await queue.ensureTopics([job]);
    const text = '.'.repeat(100_000);
    await queue.enqueueMany(
      job,
      Array.from({ length: 150 }, (_, n) => ({ n, text })),
    );
    const outbox = clients.outbox();
    const [shard] = await outbox.waiting();
    const counting = outbox.take(shard as number, 500, async (jobs) => {
      throw new Error(`${jobs.length} jobs`); // and they are back
    });
    await expect(counting).rejects.toThrow('42 jobs'); // of 100 kB, 4 MiB
    const relay = queue.relay();
    await relay.run();
    const seen: number[] = [];
    const worker = new Worker(queue, { handlers: [handle(job, ({ n }) => void seen.push(n))] });
    await worker.run();
    await until('all', () => seen.length >= 150);
    expect(seen).toEqual(Array.from({ length: 150 }, (_, n) => n));
    await worker.drain();
    await relay.close();
  });

  it('moves jobs while it prunes and vacuums, tells what went wrong there, and ends that before it closes', async () => {
    const outbox = clients.outbox();
    const own = new JobQueue({ transport: memoryTransport(), outbox });
    const job = newJob();
    await own.ensureTopics([job]);
    let fail: (error: Error) => void = () => {};
    const failed = new Promise<never>((_, reject) => {
      fail = reject;
    });
    let isPruning = false;
    outbox.prune = async () => {
      isPruning = true;
      return failed;
    };
    const relay = own.relay();
    const errors: unknown[] = [];
    relay.on('error', (error) => errors.push(error));
    await relay.run();
    await expect.poll(() => isPruning).toBe(true);
    await own.enqueue(job, { key: 'a', n: 1 });
    await expect.poll(() => relay.snapshot().sent).toBe(1);
    let isClosed = false;
    const closing = relay.close().then(() => {
      isClosed = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isClosed).toBe(false);
    fail(new Error('out of disk'));
    await closing;
    expect(errors).toEqual([expect.objectContaining({ message: 'out of disk' })]);
    await own.close();
  });

  it('keeps a job in the outbox while Kafka does not take it, and says that it is unwell', async () => {
    const job = newJob();
    const outbox = clients.outbox();
    const transport = memoryTransport();
    const own = new JobQueue({ transport, outbox });
    await own.enqueue(job, { key: 'a', n: 1 });
    const relay = own.relay({ pollMs: 10 });
    const errors: unknown[] = [];
    relay.on('error', (error) => errors.push(error));
    await relay.run();
    await until('some failures', () => errors.length >= 5);
    await expect(relay.healthCheck().check(AbortSignal.timeout(1_000))).rejects.toThrow(
      'does not exist',
    );
    expect(await waiting(job.queue)).toBe(1);
    await own.ensureTopics([job]);
    await until('the topic has it', () => transport.records(`jobs.${job.queue}`).length === 1);
    await until('the outbox is empty', async () => (await waiting(job.queue)) === 0);
    expect(await relay.healthCheck().check(AbortSignal.timeout(1_000))).toMatchObject({
      running: true,
    });
    await own.close();
    await expect(relay.healthCheck().check(AbortSignal.timeout(1_000))).rejects.toThrow(
      'not running',
    );
  });
});

describe('idempotency key', () => {
  it('makes one job of a hundred calls at once, from several transactions', async () => {
    const job = newJob();
    const tickets = await Promise.all(
      Array.from({ length: 100 }, () =>
        queue.enqueue(job, { key: 'a', n: 1 }, { idempotencyKey: 'order-1' }),
      ),
    );
    expect(new Set(tickets.map(({ id }) => id)).size).toBe(1);
    expect(tickets.filter(({ deduplicated }) => !deduplicated)).toHaveLength(1);
    expect(await waiting(job.queue)).toBe(1);
  });

  it('with another payload or another job is a conflict that names the earlier job', async () => {
    const job = newJob();
    const other = defineJob({ ...job, name: 'other' });
    const first = await queue.enqueue(job, { key: 'a', n: 1 }, { idempotencyKey: 'k' });
    expect(await queue.enqueue(job, { n: 1, key: 'a' }, { idempotencyKey: 'k' })).toMatchObject({
      id: first.id,
      deduplicated: true,
    });
    const conflict = { code: 'ERR_JOB_IDEMPOTENCY_CONFLICT', idempotencyKey: 'k', jobId: first.id };
    await expect(
      queue.enqueue(job, { key: 'a', n: 2 }, { idempotencyKey: 'k' }),
    ).rejects.toMatchObject(conflict);
    await expect(
      queue.enqueue(other, { key: 'a', n: 1 }, { idempotencyKey: 'k' }),
    ).rejects.toMatchObject(conflict);
    expect(await waiting(job.queue)).toBe(1);
  });

  it('may be used anew after its window, and is pruned', async () => {
    const job = newJob();
    await queue.enqueue(job, { key: 'a', n: 1 }, { idempotencyKey: 'k' });
    const age = `UPDATE "${clients.schema}".job_idempotency SET created_at = now() - interval '25 hours' WHERE queue = $1`;
    await clients.pool.query(age, [job.queue]);
    expect(await queue.enqueue(job, { key: 'a', n: 2 }, { idempotencyKey: 'k' })).toMatchObject({
      deduplicated: false,
    });
    await clients.pool.query(age, [job.queue]);
    const windows = { inboxMs: 7 * 86_400_000, idempotencyMs: 86_400_000, flowsMs: 86_400_000 };
    await clients.outbox().prune(windows, new AbortController().signal);
    expect(await clients.count('job_idempotency', `queue = '${job.queue}'`)).toBe(0);
  });
});

describe('trace context', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  it('goes from the call through outbox and Kafka into the handler, and a broken one harms no job', async () => {
    let current: unknown = { traceparent, tracestate: 'vendor=1' };
    const own = new JobQueue({
      transport: queue.transport,
      outbox: clients.outbox(),
      traceContext: () => {
        if (current === 'broken') throw new Error('no tracer');
        return current as never;
      },
    });
    const job = newJob();
    await own.ensureTopics([job]);
    const traces: unknown[] = [];
    const worker = new Worker(own, {
      handlers: [handle(job, (_, ctx) => void traces.push(ctx.trace))],
    });
    await worker.run();
    const relay = own.relay();
    await relay.run();
    await own.enqueue(job, { key: 'a', n: 1 });
    await own.enqueue(job, { key: 'a', n: 2 }, { idempotencyKey: 'k' });
    // What is no trace context is left out, and harms no job
    for (const bad of [
      { traceparent: '00-xyz' },
      { traceparent, tracestate: 'a\r\nb' },
      undefined,
      'broken',
    ]) {
      current = bad;
      await own.enqueue(job, { key: 'a', n: 3 });
    }
    await until('six jobs', () => traces.length === 6);
    const full = { traceparent, tracestate: 'vendor=1' };
    expect(traces).toEqual([full, full, undefined, { traceparent }, undefined, undefined]);
    await worker.drain();
    await relay.close();
  });
});

describe('enqueueMany', () => {
  it('adds all or none', async () => {
    const job = newJob();
    const payloads = Array.from({ length: 1_000 }, (_, n) => ({ key: String(n), n }));
    expect(await queue.enqueueMany(job, payloads)).toHaveLength(1_000);
    expect(await waiting(job.queue)).toBe(1_000);
    await expect(
      queue.enqueueMany(job, [{ key: 'a', n: 1 }, { key: 'b' } as never]),
    ).rejects.toMatchObject({
      code: 'ERR_JOB_PAYLOAD',
    });
    expect(await queue.enqueueMany(job, [])).toEqual([]);
    expect(await waiting(job.queue)).toBe(1_000);
  });
});
