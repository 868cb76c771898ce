import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Clients } from './clients.ts';

const clients = new Clients();
const second = new Clients();
const outbox = () => clients.outbox();
const id = '0190a1b2-0000-7000-8000-000000000001';
let jobs = 0;
const newKey = (step = 'main') => ({
  consumer: 'jobs.test',
  jobId: id.slice(0, -4) + String(++jobs).padStart(4, '0'),
  step,
});

beforeAll(async () => {
  await outbox().migrate();
  await clients.pool.query(`CREATE TABLE "${clients.schema}".effects (job_id text, n int)`);
});
afterAll(async () => {
  await clients.close();
  await second.close();
});

describe('inbox', () => {
  it('runs the effect once and gives every later caller its result', async () => {
    const key = newKey();
    let calls = 0;
    const work = async (tx: { query(sql: string, values?: unknown[]): Promise<unknown> }) => {
      calls++;
      await tx.query(`INSERT INTO "${clients.schema}".effects VALUES ($1, 1)`, [key.jobId]);
      return { receipt: 17 };
    };
    expect(await outbox().once(key, work)).toEqual({ value: { receipt: 17 }, replayed: false });
    expect(await outbox().once(key, work)).toEqual({ value: { receipt: 17 }, replayed: true });
    expect(calls).toBe(1);
    expect(await clients.count('effects', `job_id = '${key.jobId}'`)).toBe(1);
  });

  it('lets one of twenty simultaneous deliveries through', async () => {
    const key = newKey();
    const ends = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        outbox().once(key, async (tx) => {
          await tx.query(`INSERT INTO "${clients.schema}".effects VALUES ($1, $2)`, [key.jobId, n]);
          return n;
        }),
      ),
    );
    expect(ends.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(ends.map(({ value }) => value)).size).toBe(1);
    expect(await clients.count('effects', `job_id = '${key.jobId}'`)).toBe(1);
  });

  it('forgets a failed effect, and what it wrote', async () => {
    const key = newKey();
    const failing = outbox().once(key, async (tx) => {
      await tx.query(`INSERT INTO "${clients.schema}".effects VALUES ($1, 1)`, [key.jobId]);
      throw new Error('after the insert');
    });
    await expect(failing).rejects.toThrow('after the insert');
    expect(await clients.count('effects', `job_id = '${key.jobId}'`)).toBe(0);
    expect(await outbox().once(key, async () => undefined)).toEqual({
      value: undefined,
      replayed: false,
    });
    expect(await outbox().once(key, async () => 'never')).toEqual({
      value: undefined,
      replayed: true,
    });
  });

  it('keeps steps and consumers apart', async () => {
    const key = newKey();
    await outbox().once(key, async () => 'main');
    expect((await outbox().once({ ...key, step: 'mail' }, async () => 'mail')).value).toBe('mail');
    expect((await outbox().once({ ...key, consumer: 'other' }, async () => 'other')).value).toBe(
      'other',
    );
    expect((await outbox().once(key, async () => 'again')).value).toBe('main');
  });

  it('survives a connection that is cut in the middle of the transaction', async () => {
    const key = newKey();
    const cut = outbox().once(key, async (tx) => {
      const { rows } = await tx.query('SELECT pg_backend_pid() AS pid');
      await second.pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await tx.query('SELECT 1');
    });
    await expect(cut).rejects.toThrow();
    expect((await outbox().once(key, async () => 'second try')).value).toBe('second try');
  });

  it('is pruned after its window', async () => {
    const key = newKey();
    await outbox().once(key, async () => 1);
    await clients.pool.query(
      `UPDATE "${clients.schema}".job_inbox SET created_at = now() - interval '8 days' WHERE job_id = $1`,
      [key.jobId],
    );
    const windows = { inboxMs: 7 * 86_400_000, idempotencyMs: 86_400_000, flowsMs: 86_400_000 };
    expect(await outbox().prune(windows, new AbortController().signal)).toBe(1);
  });
});
