import type { Redis } from 'ioredis';
import { HoldPool, type HoldStore } from '../src/index.ts';

const ROWS = 400;
const ROW = 50;

/** A hall of 20,000 seats in 400 rows, its focal point in the middle of the tenth row. */
export async function openHall(redis: Redis, store: HoldStore, name: string): Promise<HoldPool> {
  const pool = new HoldPool({ redis, store, pool: name, maintainEveryMs: Infinity });
  const rows = Array.from({ length: ROWS }, (_, r) => ({
    seats: Array.from({ length: ROW }, (_, i) => `${r + 1}-${i + 1}`),
  }));
  await pool.open({ HALL: { rows, focus: { row: 9, seat: 24.5 } } });
  return pool;
}

/**
 * Seats parties of one to six, now and then one leaves, each in a call of its own. Answers the
 * server's own percentiles of script time, in microseconds.
 */
export async function scriptTimes(redis: Redis, pool: HoldPool, parties: number) {
  await redis.config('RESETSTAT');
  let seated = 0;
  const sizes = [2, 2, 4, 1, 3, 2, 5, 2, 6, 4];
  for (let i = 0; i < parties; i++) {
    const quantity = sizes[(i * 7) % 10] as number;
    const id = `party-${i}`;
    const answer = await pool.hold({ id, holder: id, items: [{ sku: 'HALL', quantity }] });
    if (answer.status === 'held') seated += quantity;
    if (i % 9 === 8) await pool.release({ id: `party-${i - (i % 50)}` });
  }
  const stats = await redis.info('latencystats');
  const [, p50, p99, most] =
    /usec_evalsha:p50=([\d.]+),p99=([\d.]+),p99.9=([\d.]+)/.exec(stats) ?? [];
  return { seated, p50: Number(p50), p99: Number(p99), p999: Number(most) };
}
