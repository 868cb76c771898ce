import { expect, it } from 'vitest';
import { z } from 'zod';
import {
  defineJob,
  flow,
  handle,
  JobQueue,
  NonRetryableError,
  type Outbox,
  step,
  type Transport,
  Worker,
} from '../src/index.ts';
import { until } from './until.ts';

const order = z.object({ order: z.string() });

/** What a flow must do on every transport. */
export function flowConformance(
  transport: () => Transport,
  newName: () => string,
  outbox: () => Outbox,
): void {
  it('runs the steps of a flow in order, each with what the ones before returned, and takes back in reverse what was done when one is given up', async () => {
    const stored = outbox();
    await stored.migrate();
    const queue = new JobQueue({ transport: transport(), outbox: stored });
    const name = newName();
    const define = (job: string) => defineJob({ name: job, queue: name, schema: order });
    const reserve = define('reserve');
    const charge = define('charge');
    const ship = define('ship');
    const release = define('release');
    const refund = define('refund');
    const jobs = [reserve, charge, ship, release, refund];
    const booking = flow(name, order, [
      step(reserve, ({ payload }) => payload, { job: release, input: ({ payload }) => payload }),
      step(charge, ({ payload, results }) => ({ order: `${payload.order}:${results[0].seat}` }), {
        job: refund,
        input: ({ results }) => ({ order: results[1] as string }),
      }),
      step(ship, ({ payload }) => payload),
    ]);
    await queue.ensureTopics(jobs, { partitions: 3 });
    const log: string[] = [];
    const handlers = jobs.map((job) =>
      handle(job, (payload, ctx) => {
        log.push(`${job.name} ${payload.order}`);
        if (job.name === 'ship' && payload.order === 'lost') throw new NonRetryableError('no ship');
        return job.name === 'reserve' ? { seat: 'A1' } : `${ctx.name}-17`;
      }),
    );
    const worker = new Worker(queue, { handlers, flows: [booking] });
    const relay = queue.relay();
    await Promise.all([worker.run(), relay.run()]);
    const ends = async (payload: { order: string }, state: string) => {
      const { id } = await queue.start(booking, payload);
      await until(state, async () => (await queue.flow(id))?.state === state);
      return queue.flow(id);
    };
    expect(await ends({ order: 'sold' }, 'succeeded')).toMatchObject({
      results: [{ seat: 'A1' }, 'charge-17', 'ship-17'],
      error: null,
    });
    expect(log.splice(0)).toEqual(['reserve sold', 'charge sold:A1', 'ship sold']);
    expect(await ends({ order: 'lost' }, 'compensated')).toMatchObject({ error: 'no ship' });
    expect(log).toEqual([
      'reserve lost',
      'charge lost:A1',
      'ship lost',
      'refund charge-17',
      'release lost',
    ]);
    await relay.close();
    await worker.drain();
  });
}
