/**
 * 50,000 buyers, 1,000 tickets, 800 asking at any moment, one Node process, real servers: ours
 * against what people write instead, in rounds that take turns, the medians printed.
 *
 *   --attempts N (50,000)  --rounds N (3)  --only TEXT,TEXT (contenders whose name has one)
 *   --svg FILE (the bars of the README)
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import pg from 'pg';
import { startBackends } from '../../../test/backends.ts';
import { barChart } from './bar-chart.ts';
import { contenders } from './contenders.ts';
import { drive, median, type Run } from './drive.ts';
import { measureExpiry, measureHall, measureMemory } from './sizing.ts';

const { values } = parseArgs({
  options: {
    attempts: { type: 'string', default: '50000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    svg: { type: 'string' },
  },
});
const attempts = Number(values.attempts);
const rounds = Number(values.rounds);
const IN_FLIGHT = 800;
const STOCK = 1_000;
const CONNECTIONS = 20;

await using backends = await startBackends({ only: ['redis', 'postgres'] });
const redis = new Redis(backends.redisUrl);
const pgPool = new pg.Pool({ connectionString: backends.databaseUrl, max: CONNECTIONS });

const picks = values.only.split(',');
const all = contenders(redis, pgPool).filter(({ name }) =>
  picks.some((pick) => name.includes(pick)),
);
const runs = new Map<string, Run[]>(all.map(({ name }) => [name, []]));
for (let round = 1; round <= rounds; round++) {
  for (const { name, most = attempts, setUp } of all) {
    console.error(`round ${round} of ${rounds}: ${name}`);
    const { attempt, tearDown } = await setUp(STOCK);
    runs.get(name)?.push(await drive(attempt, Math.min(most, attempts), IN_FLIGHT, STOCK));
    await tearDown?.();
  }
}

const middle = (name: string, pick: (run: Run) => number) =>
  median((runs.get(name) ?? []).map(pick));
const rate = (name: string) => middle(name, (run) => run.perSecond);
const nameOf = (part: string) => all.find(({ name }) => name.includes(part))?.name ?? '';
const [incr, skip] = [rate(nameOf('INCR')), rate(nameOf('SKIP'))];
const ratio = (value: number, base: number) =>
  Number.isFinite(value / base) ? (value / base).toFixed(value / base < 1 ? 3 : 1) : '-';

console.log(
  `${attempts.toLocaleString('en')} attempts for ${STOCK.toLocaleString('en')} units, ${IN_FLIGHT} in flight, ` +
    `median of ${rounds} interleaved rounds`,
);
console.log(
  `${availableParallelism()} cores (${cpus()[0]?.model.trim()}), Node ${process.version}, ${process.platform}; ` +
    `${CONNECTIONS} PostgreSQL connections, 1 Redis connection\n`,
);
console.table(
  Object.fromEntries(
    all.map(({ name }) => {
      const granted = (runs.get(name) ?? []).map((run) => run.granted);
      const gone = (runs.get(name) ?? []).map((run) => run.goneAfterMs ?? Number.NaN);
      return [
        name,
        {
          'attempts/s': Math.round(rate(name)),
          'x INCR': ratio(rate(name), incr),
          'x SKIP LOCKED': ratio(rate(name), skip),
          'p50 ms': Number(middle(name, (run) => run.p50).toFixed(1)),
          'p99 ms': Number(middle(name, (run) => run.p99).toFixed(1)),
          'gone after s': gone.some(Number.isNaN) ? '-' : Number((median(gone) / 1000).toFixed(2)),
          oversold: Math.max(0, Math.max(...granted) - STOCK),
        },
      ];
    }),
  ),
);

if (picks.some((pick) => 'soft-hold'.includes(pick))) {
  console.table({
    ...(await measureMemory(redis, pgPool)),
    ...(await measureExpiry(redis, pgPool)),
    ...(await measureHall(pgPool)),
  });
}
if (values.svg !== undefined) {
  const bars = all.map(({ name }) => ({ name, value: rate(name) }));
  writeFileSync(values.svg, barChart('attempts a second, 50,000 attempts for 1,000 units', bars));
}
redis.disconnect();
await pgPool.end();
