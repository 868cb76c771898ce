import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { backends, uniqueName } from '../../../test/backends.ts';
import { defineJob, JobQueue, memoryTransport, schedule } from '../src/index.ts';
import { Clients } from './clients.ts';
import { ManualClock } from './manual-clock.ts';
import { until } from './until.ts';

const DAY_MS = 86_400_000;
const clients = new Clients();
beforeAll(() => clients.outbox().migrate());
afterAll(() => clients.close());

const run = (sql: string) => clients.pool.query(sql.replaceAll('{s}', `"${clients.schema}"`));
const prune = () =>
  clients
    .outbox()
    .prune(
      { inboxMs: 7 * DAY_MS, idempotencyMs: DAY_MS, flowsMs: 30 * DAY_MS },
      new AbortController().signal,
    );

describe('pruning', () => {
  it('goes on until all that is old is gone, and leaves what is not', async () => {
    const rows = (age: string) =>
      `SELECT gen_random_uuid(), 'group', 'main', now() - interval '${age}' FROM generate_series(1, 25000)`;
    await run(
      `INSERT INTO {s}.job_inbox (job_id, consumer, step, created_at) ${rows('8 days')} UNION ALL SELECT gen_random_uuid(), 'group', 'main', now()`,
    );
    await run(
      `INSERT INTO {s}.job_idempotency (queue, key, job_id, fingerprint, created_at)
SELECT 'q', n::text, gen_random_uuid(), '', now() - interval '25 hours' FROM generate_series(1, 10001) n`,
    );
    await run(
      `INSERT INTO {s}.job_flows (id, name, payload, fingerprint, state, updated_at)
SELECT gen_random_uuid(), 'f', '1', '', state, now() - age * interval '1 day'
FROM unnest(ARRAY['running', 'compensating', 'succeeded', 'compensated', 'stuck']) state, unnest(ARRAY[29, 31]) age`,
    );
    expect(await prune()).toBe(25_000 + 10_001 + 2);
    expect(await clients.count('job_inbox')).toBe(1);
    expect(await clients.count('job_idempotency')).toBe(0);
    expect(await clients.count('job_flows', `updated_at > now() - interval '30 days'`)).toBe(5);
    expect(await clients.count('job_flows', `state IN ('running', 'compensating', 'stuck')`)).toBe(
      6,
    );
  });
});

describe('a schedule that catches up', () => {
  it('enqueues a missed time once, however rare its times are and however often processes start', async () => {
    const clock = new ManualClock();
    const queue = new JobQueue({ transport: memoryTransport(), outbox: clients.outbox(), clock });
    const job = defineJob({ name: uniqueName('monthly'), schema: z.string() });
    const monthly = schedule(job, {
      cron: '0 0 1 * *',
      catchUp: true,
      payload: (at) => at.toISOString(),
    });
    const start = async () => {
      const schedulers = [queue.scheduler([monthly]), queue.scheduler([monthly])];
      for (const one of schedulers) one.run();
      await new Promise((resolve) => setTimeout(resolve, 300));
      await Promise.all(schedulers.map((one) => one.close()));
      for (const one of schedulers) expect(one.snapshot().lastError).toBeNull();
      return schedulers.reduce((sum, one) => sum + one.snapshot().enqueued, 0);
    };
    expect(await start()).toBe(1); // of November 2023, where the clock stands
    await run(`UPDATE {s}.job_idempotency SET created_at = now() - interval '2 days'`);
    await prune();
    expect(await start()).toBe(0);
    await clock.advance(40 * DAY_MS); // nobody ran on the first of December
    expect(await start()).toBe(1);
    await prune();
    expect(await start()).toBe(0);
    const { rows } = await run(`SELECT payload FROM {s}.job_outbox WHERE name = '${job.name}'`);
    expect(rows.map(({ payload }) => JSON.parse(payload)).sort()).toEqual([
      '2023-11-01T00:00:00.000Z',
      '2023-12-01T00:00:00.000Z',
    ]);
    await queue.close();
  });
});

describe('relay', () => {
  it.each(['closed while it starts', 'started twice at once'])(
    'leaves no connection behind when it is %s',
    async (how) => {
      const pool = new pg.Pool({ connectionString: backends().databaseUrl, max: 5 });
      const queue = new JobQueue({
        transport: memoryTransport(),
        outbox: clients.outbox({}, pool),
      });
      const relay = queue.relay();
      const starting = [relay.run()];
      if (how === 'started twice at once') {
        starting.push(relay.run());
        await Promise.all(starting);
      }
      await relay.close();
      await Promise.all(starting);
      let ended = false;
      void pool.end().then(() => {
        ended = true;
      });
      await until('the pool has ended', () => ended, 5_000);
      expect(relay.snapshot().running).toBe(false);
    },
  );
});
