import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Brake } from '../src/brake.ts';
import {
  type BrakeState,
  defineJob,
  handle,
  JobQueue,
  memoryTransport,
  Worker,
} from '../src/index.ts';
import { ManualClock, settle } from './manual-clock.ts';

function newBrake(limit = 8) {
  const clock = new ManualClock();
  const states: BrakeState[] = [];
  const brake = new Brake(clock, { failures: 3, probeMs: 5_000 }, limit, (state) =>
    states.push(state),
  );
  return { clock, states, brake };
}

describe('Brake', () => {
  it('parks when different jobs fail in a row, and not when one fails often or one in between succeeds', () => {
    const { brake } = newBrake();
    const fail = (id: string) => {
      expect(brake.tryStart(undefined)).toBe(true);
      return brake.failed(id);
    };
    for (let i = 0; i < 10; i++) expect(fail('same')).toBe(true);
    expect(fail('other')).toBe(true);
    expect(brake.tryStart(undefined)).toBe(true);
    brake.succeeded();
    expect(fail('a')).toBe(true);
    expect(fail('b')).toBe(true);
    expect(fail('c')).toBe(false);
    expect(brake.state).toBe('parked');
    expect(brake.tryStart(undefined)).toBe(false);
  });

  it('probes although the timer fires before the clock says so, or the clock was set back', async () => {
    const { brake, clock } = newBrake();
    const early = clock.now();
    brake.tryStart(() => false);
    let woken = false;
    void brake.wait().then(() => {
      woken = true;
    });
    clock.now = () => early - 3_600_000;
    await clock.advance(5_000);
    expect(woken).toBe(true);
    expect(brake.tryStart(undefined)).toBe(true);
  });

  it('lets one probe through per interval, and doubles after each success until it is released', async () => {
    const { brake, clock, states } = newBrake();
    brake.tryStart(() => false);
    expect(brake.state).toBe('parked');
    let woken = 0;
    for (let i = 0; i < 20; i++) void brake.wait().then(() => woken++);
    await clock.advance(4_999);
    expect(woken).toBe(0);
    await clock.advance(1);
    expect(woken).toBe(1);
    expect(brake.tryStart(undefined)).toBe(true);
    expect(brake.tryStart(undefined)).toBe(false);
    expect(brake.failed('a')).toBe(false);
    await clock.advance(5_000);
    expect(woken).toBe(2);
    expect(brake.tryStart(undefined)).toBe(true);
    brake.succeeded(); // 2 at a time
    await settle();
    expect(woken).toBe(4);
    expect([
      brake.tryStart(undefined),
      brake.tryStart(undefined),
      brake.tryStart(undefined),
    ]).toEqual([true, true, false]);
    brake.succeeded(); // 4, one of them running
    await settle();
    expect(woken).toBe(7);
    brake.succeeded(); // 8: released
    await settle();
    expect(woken).toBe(20);
    expect(states).toEqual(['parked', 'ramping', 'released']);
    expect(clock.timers).toBe(0);
  });

  it('parks again when a job of the ramp fails', async () => {
    const { brake, clock } = newBrake();
    brake.tryStart(() => false);
    await clock.advance(5_000);
    brake.tryStart(undefined);
    brake.succeeded();
    brake.tryStart(undefined);
    expect(brake.failed('x')).toBe(false);
    expect(brake.state).toBe('parked');
  });

  it('passes the turn on when the one who was let go does not start', async () => {
    const { brake, clock } = newBrake();
    brake.tryStart(() => false);
    const order: number[] = [];
    for (let i = 0; i < 2; i++) void brake.wait().then(() => order.push(i));
    await clock.advance(5_000);
    expect(order).toEqual([0]);
    brake.decline();
    await settle();
    expect(order).toEqual([0, 1]);
  });

  it('takes a guard that throws for consent', () => {
    const { brake } = newBrake();
    const guard = () => {
      throw new Error('the guard is broken');
    };
    expect(brake.tryStart(guard)).toBe(true);
  });
});

describe('a worker whose provider is dead for an hour', () => {
  const job = defineJob({ name: 'mail', schema: z.number(), retry: { attempts: 3 } });

  async function hour(mails: number, guarded: boolean) {
    const clock = new ManualClock();
    const transport = memoryTransport();
    const queue = new JobQueue({ transport, clock });
    await queue.ensureTopics([job]);
    await queue.enqueueMany(
      job,
      Array.from({ length: mails }, (_, n) => n),
    );
    let up = false;
    let calls = 0;
    let concurrent = 0;
    const ramp: number[] = [];
    const attempts = new Map<number, number>();
    const delivered = new Set<number>();
    const worker = new Worker(queue, {
      commitIntervalMs: 600_000,
      handlers: [
        handle(
          job,
          async (n, ctx) => {
            calls++;
            concurrent++;
            if (up) ramp.push(concurrent);
            await settle();
            concurrent--;
            attempts.set(n, ctx.attempt);
            if (!up) throw new Error('connection refused');
            delivered.add(n);
          },
          guarded ? { guard: () => up } : {},
        ),
      ],
    });
    const states: BrakeState[] = [];
    worker.on('brake', ({ state }) => states.push(state));
    await worker.run();
    await clock.advance(3_600_000);
    const callsWhileDead = calls;
    up = true;
    await clock.advance(5_000);
    for (let i = 0; delivered.size < mails && i < mails; i++) await settle();
    const timeline = [1, 2, 5, 10, 20, 40].map((n) => ramp[n - 1]);
    console.log(
      `${mails} mails, an hour dead${guarded ? ', guarded' : ''}: ${callsWhileDead} calls meanwhile; running at a time at call 1, 2, 5, 10, 20, 40 afterwards: ${timeline.join(', ')}`,
    );
    const dead = transport.records('jobs.default.dlq').length;
    const drained = worker.drain();
    await clock.advance(30_000);
    await drained;
    return { callsWhileDead, delivered: delivered.size, dead, ramp, states, attempts };
  }

  it('delivers every job afterwards, with none dead and hardly an attempt burned, ramping up', {
    timeout: 60_000,
  }, async () => {
    const end = await hour(100_000, false);
    expect(end.delivered).toBe(100_000);
    expect(end.dead).toBe(0);
    // 50 at the moment of parking, then one probe every 5 s
    expect(end.callsWhileDead).toBeLessThan(50 + 720 + 10);
    expect(Math.max(...end.attempts.values())).toBeLessThanOrEqual(2);
    expect(end.ramp[0]).toBe(1);
    expect(Math.max(...end.ramp.slice(0, 3))).toBeLessThanOrEqual(4);
    expect(Math.max(...end.ramp)).toBe(50);
    expect(end.states).toEqual(['parked', 'ramping', 'released']);
  });

  it('makes no call at all when a guard tells', async () => {
    const end = await hour(3_000, true);
    expect(end).toMatchObject({ callsWhileDead: 0, delivered: 3_000, dead: 0 });
    expect(Math.max(...end.attempts.values())).toBe(1);
  });
});
