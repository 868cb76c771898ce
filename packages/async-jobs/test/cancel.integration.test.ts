import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { uniqueName } from '../../../test/backends.ts';
import {
  defineJob,
  flow,
  handle,
  JobQueue,
  memoryStatus,
  memoryTransport,
  step,
  Worker,
} from '../src/index.ts';
import { Clients } from './clients.ts';
import { until } from './until.ts';

const clients = new Clients();
const outbox = clients.outbox();
beforeAll(() => outbox.migrate());
afterAll(() => clients.close());

function setup(more = {}) {
  const transport = memoryTransport();
  const queue = new JobQueue({ transport, outbox, status: memoryStatus(), ...more });
  const name = uniqueName('cancel');
  const define = (job: string, inbox = false) =>
    defineJob({ name: job, queue: name, schema: z.number(), inbox });
  return { transport, queue, name, define };
}

describe('cancelling', () => {
  it.each(['before it has left the outbox', 'while it runs'])(
    'a step of a flow %s takes the steps before back',
    async (when) => {
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
      let current: { traceparent: string } | undefined = { traceparent };
      const { queue, name, define } = setup({ traceContext: () => current });
      const [reserve, charge, release] = ['reserve', 'charge', 'release'].map((job) =>
        define(job),
      ) as [ReturnType<typeof define>, ReturnType<typeof define>, ReturnType<typeof define>];
      await queue.ensureTopics([reserve, charge, release]);
      const payload = ({ payload: n }: { payload: number }) => n;
      const booking = flow(name, z.number(), [
        step(reserve, payload, { job: release, input: payload }),
        step(charge, payload),
      ]);
      const log: string[] = [];
      const ids: string[] = [];
      const relay = queue.relay({ pollMs: 10 });
      const worker = new Worker(queue, {
        flows: [booking],
        handlers: [reserve, charge, release].map((job) =>
          handle(job, async (_, ctx) => {
            log.push(`${job.name} ${ctx.trace?.traceparent}`);
            ids.push(ctx.id);
            if (job === reserve && when !== 'while it runs') await relay.close();
            if (job === charge)
              await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
            ctx.signal.throwIfAborted();
          }),
        ),
      });
      await worker.run();
      const { id } = await queue.start(booking, 1);
      current = undefined; // the worker has no trace of its own
      await relay.run();
      if (when === 'while it runs') {
        await until('charging', () => log.length === 2);
        expect(await queue.cancel(ids[1] as string)).toBe('requested');
      } else {
        const { pool, schema } = clients;
        const waiting = `SELECT job_id FROM "${schema}".job_outbox WHERE queue = '${name}' AND name = 'charge'`;
        await until('the next step waits', async () => (await pool.query(waiting)).rowCount === 1);
        expect(await queue.cancel((await pool.query(waiting)).rows[0].job_id)).toBe('requested');
        await queue.relay({ pollMs: 10 }).run();
      }
      await until(
        'compensated',
        async () => (await queue.flow(id))?.state === 'compensated',
        5_000,
      );
      expect(log.at(-1)).toBe(`release ${traceparent}`);
      expect(new Set(log.map((line) => line.split(' ')[1]))).toEqual(new Set([traceparent]));
      expect((await queue.flow(id))?.error).toContain('cancelled');
      await worker.drain();
      await queue.close();
    },
  );

  it('does not wait for a relay that is sending the job, and is a request then', async () => {
    const { transport, queue, define } = setup();
    const job = define('test');
    await queue.ensureTopics([job]);
    const { id } = await queue.enqueue(job, 1);
    const resume = transport.stall();
    let sending = false;
    const taking = Array.from({ length: outbox.shards }, (_, shard) =>
      outbox.take(shard, 100, async (jobs) => {
        sending = true;
        await queue.send(jobs, 5_000);
      }),
    );
    await until('it is being sent', () => sending);
    expect(await queue.cancel(id)).toBe('requested');
    resume();
    await Promise.all(taking);
    const ran: string[] = [];
    const worker = new Worker(queue, {
      handlers: [handle(job, (_, ctx) => void ran.push(ctx.id))],
    });
    await worker.run();
    await until('its end', async () => (await queue.status(id))?.state === 'cancelled', 5_000);
    expect(ran).toEqual([]);
    await worker.drain();
    await queue.close();
  });

  it('holds for a job whose batch reached Kafka although its send had failed', async () => {
    const { queue, define } = setup();
    const job = define('test');
    await queue.ensureTopics([job]);
    const { id } = await queue.enqueue(job, 1);
    for (let shard = 0; shard < outbox.shards; shard++) {
      const unacknowledged = outbox.take(shard, 100, async (jobs) => {
        await queue.send(jobs, 5_000);
        throw new Error('the acknowledgement was lost');
      });
      await unacknowledged.catch(() => {});
    }
    expect(await queue.cancel(id)).toBe('removed');
    const ran: string[] = [];
    const worker = new Worker(queue, {
      handlers: [handle(job, (_, ctx) => void ran.push(ctx.id))],
    });
    await worker.run();
    await queue.enqueue(job, 2);
    const relay = queue.relay({ pollMs: 10 });
    await relay.run();
    await until('the next', () => ran.length > 0);
    expect(ran).not.toContain(id);
    expect((await queue.status(id))?.state).toBe('cancelled');
    await worker.drain();
    await queue.close();
  });
});

describe('an idempotency key whose window is over', () => {
  it.each(['expired', 'pruned'])(
    'is another job when its row is %s: it runs, and has a status of its own',
    async (how) => {
      const { queue, define } = setup();
      const job = define('test', true);
      await queue.ensureTopics([job]);
      let n = 0;
      const worker = new Worker(queue, {
        handlers: [handle(job, (_, ctx) => ctx.tx(async () => ++n))],
      });
      await worker.run();
      const relay = queue.relay({ pollMs: 10 });
      await relay.run();
      const first = await queue.enqueue(job, 1, { idempotencyKey: 'k' });
      expect(await queue.enqueue(job, 1, { idempotencyKey: 'k' })).toMatchObject({
        id: first.id,
        deduplicated: true,
      });
      await until('the first', async () => (await queue.status(first.id))?.state === 'succeeded');
      await clients.pool.query(
        how === 'pruned'
          ? `DELETE FROM "${clients.schema}".job_idempotency WHERE queue = $1`
          : `UPDATE "${clients.schema}".job_idempotency SET created_at = now() - interval '25 hours' WHERE queue = $1`,
        [job.queue],
      );
      const second = await queue.enqueue(job, 1, { idempotencyKey: 'k' });
      expect(second.deduplicated).toBe(false);
      expect(second.id).not.toBe(first.id);
      await until(
        'the second',
        async () => (await queue.status(second.id))?.state === 'succeeded',
        5_000,
      );
      expect((await queue.status(second.id))?.result).toBe(2);
      await worker.drain();
      await queue.close();
    },
  );
});
