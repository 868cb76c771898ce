import { once } from 'node:events';
import { env } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { uniqueName } from '../../../test/backends.ts';
import { defineJob, handle, JobQueue, Worker } from '../src/index.ts';
import { Clients } from './clients.ts';
import { chargeJob } from './fixtures/charge.ts';
import { startProcess } from './fixtures/start-process.ts';
import { until } from './until.ts';

/** Sizes: small by default, those of the README by SCALE=full, which takes minutes; the driver by TRANSPORT. */
const full = env.SCALE === 'full';
const clients = new Clients();
afterAll(() => clients.close());
const schema = z.object({ n: z.number() });
const newJob = () => defineJob({ name: 'test', queue: uniqueName('scale'), schema });

it('loses none of 15 concurrent writers’ rows, of which a reader by "id > cursor" would', {
  timeout: 120_000,
}, async () => {
  const rows = full ? 4_000 : 300;
  const outbox = clients.outbox();
  await outbox.migrate();
  const queue = new JobQueue({ transport: clients.transport(), outbox });
  const job = newJob();
  await queue.ensureTopics([job]);
  const relay = queue.relay();
  await relay.run();
  await clients.pool.query(`CREATE TABLE "${clients.schema}".witness (id serial PRIMARY KEY)`);
  // The defect: ids become visible in another order than they are given
  let cursor = 0;
  let seenByCursor = 0;
  let writing = true;
  const cursorReader = (async () => {
    while (writing) {
      const { rows: found } = await clients.pool.query(
        `SELECT id::int FROM "${clients.schema}".witness WHERE id > $1 ORDER BY id`,
        [cursor],
      );
      seenByCursor += found.length;
      cursor = found.at(-1)?.id ?? cursor;
    }
  })();
  await Promise.all(
    Array.from({ length: 15 }, async (_, writer) => {
      for (let i = 0; i < rows / 10; i++) {
        const client = await clients.pool.connect();
        await client.query('BEGIN');
        await client.query(
          `INSERT INTO "${clients.schema}".witness SELECT FROM generate_series(1, 10)`,
        );
        await queue.enqueueMany(
          job,
          Array.from({ length: 10 }, (_, n) => ({ n })),
          { tx: client },
        );
        if ((writer + i) % 3 === 0) await new Promise((resolve) => setTimeout(resolve, writer));
        await client.query('COMMIT');
        client.release();
      }
    }),
  );
  await until('an empty outbox', async () => (await clients.count('job_outbox')) === 0, 60_000);
  writing = false;
  await cursorReader;
  const offsets = await queue.transport.offsets(`jobs.${job.queue}`);
  const sent = offsets.reduce((sum, { next }) => sum + next, 0);
  console.log(`15 x ${rows} rows: ${sent} sent; a reader by "id > cursor" saw ${seenByCursor}`);
  expect(sent).toBe(15 * rows);
  // The witness has as many, of which it has lost some: else this would not be a test of that
  expect(await clients.count('witness')).toBe(15 * rows);
  expect(seenByCursor).toBeLessThan(15 * rows);
  await relay.close();
  await queue.close();
});

it('keeps the outbox small however many jobs go through it', { timeout: 400_000 }, async () => {
  const total = full ? 1_000_000 : 50_000;
  const queue = await clients.queue();
  const job = newJob();
  await queue.ensureTopics([job]);
  const relay = queue.relay();
  await relay.run();
  const begun = Date.now();
  let most = 0;
  for (let done = 0; done < total; done += 5_000) {
    await queue.enqueueMany(
      job,
      Array.from({ length: 5_000 }, (_, n) => ({ n: done + n })),
    );
    const { rows } = await clients.pool.query(
      `SELECT pg_total_relation_size('"${clients.schema}".job_outbox')::float8 / 1048576 AS mib`,
    );
    most = Math.max(most, rows[0].mib);
    await until('most are sent', async () => relay.snapshot().sent > done - 20_000, 60_000);
  }
  await until('an empty outbox', () => relay.snapshot().sent === total, 60_000);
  const perSecond = Math.round((total / (Date.now() - begun)) * 1_000);
  console.log(
    `${total} rows through the outbox: at most ${most.toFixed(1)} MiB, ${perSecond} rows/s`,
  );
  expect(most).toBeLessThan(60); // a million dead rows would be 179
  await relay.close();
});

it('works off a backlog with flat memory', { timeout: 500_000 }, async () => {
  const total = full ? 1_000_000 : 30_000;
  const queue = new JobQueue({
    transport: clients.transport(),
    sendBudgetMs: 30_000,
  });
  const job = newJob();
  await queue.ensureTopics([job]);
  for (let n = 0; n < total; n += 2_500) {
    await queue.enqueueMany(
      job,
      Array.from({ length: 2_500 }, () => ({ n })),
    );
  }
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  // Taken by the handler: the loop that works off a backlog lets no timer in between
  const held: number[] = [];
  const resident: number[] = [];
  let buffered = 0;
  let done = 0;
  const worker = new Worker(queue, {
    handlers: [
      handle(job, () => {
        if (++done % (total / 10) !== 0) return;
        buffered = Math.max(buffered, worker.snapshot().queues[0]?.buffered ?? 0);
        collect();
        const { heapUsed, external, rss } = process.memoryUsage();
        held.push((heapUsed + external) / 2 ** 20);
        resident.push(rss / 2 ** 20);
      }),
    ],
  });
  const begun = Date.now();
  await worker.run();
  await until('all', () => worker.snapshot().completed >= total, 450_000);
  const perSecond = Math.round((total / (Date.now() - begun)) * 1_000);
  const listed = (mibs: readonly number[]) => mibs.map((mib) => mib.toFixed(0)).join(' ');
  console.log(
    `backlog of ${total}: ${perSecond} jobs/s, at most ${buffered} buffered, MiB held at every tenth: ${listed(held)}, resident: ${listed(resident)}`,
  );
  expect(held).toHaveLength(10);
  expect(buffered).toBeGreaterThan(0);
  expect(buffered).toBeLessThanOrEqual(1_000);
  const growth = (mibs: readonly number[]) =>
    Math.max(...mibs.slice(5)) - Math.max(...mibs.slice(0, 5));
  // Of a million: 50 bytes kept of each of the second half's jobs would be 24 MiB, 250 bytes 119
  expect(growth(held)).toBeLessThan(20);
  expect(growth(resident)).toBeLessThan(100);
  await worker.drain();
  await queue.close();
});

it('drains a worker full of jobs of 20 s in time on SIGTERM, and hands them back', {
  timeout: 120_000,
}, async () => {
  const drainMs = full ? 20_000 : 2_000;
  const queue = new JobQueue({ transport: clients.transport() });
  const job = { ...chargeJob(uniqueName('drain')), inbox: false };
  await queue.ensureTopics([job]);
  await queue.enqueueMany(
    job,
    Array.from({ length: 60 }, (_, n) => ({ key: String(n), n, slowMs: 20_000 })),
  );
  const child = await startProcess('slow-worker.ts', {
    QUEUE: job.queue,
    DRAIN_MS: String(drainMs),
  });
  const told = once(child, 'message');
  const exit = once(child, 'exit');
  const begun = Date.now();
  child.kill('SIGTERM');
  const [{ abandoned, completed }] = await told;
  const [code] = await exit;
  const tookMs = Date.now() - begun;
  console.log(
    `full of 50 jobs of 20 s: gone after ${tookMs} ms, ${completed} done, ${abandoned} given up`,
  );
  expect([code, abandoned]).toEqual([0, 0]); // they heard the signal
  expect(tookMs).toBeLessThan(drainMs + 5_000);
  const ids = new Set<string>();
  const next = new Worker(queue, {
    concurrency: 100,
    handlers: [handle(job, (_, ctx) => void ids.add(ctx.id))],
  });
  await next.run();
  await until('what was handed back', () => ids.size === 60 - completed, 30_000);
  await next.drain();
  await queue.close();
});
