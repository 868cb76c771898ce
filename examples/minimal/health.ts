// Ready means: real rows from the database in time. Then the drain, which loses no request that was sent.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GracefulShutdown, Health, httpHandler, pgCheck, redisCheck } from '@evenkeel/health';
import { Redis } from 'ioredis';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const redis = new Redis(process.env.REDIS_URL ?? '');

const health = new Health({ service: 'orders' })
  .check('db', pgCheck(pool, { query: 'select datname from pg_database limit 1' }))
  .check('redis', redisCheck(redis));
const probes = httpHandler(health);
const server = createServer((request, response) => {
  if (!probes(request, response)) setTimeout(() => response.end('paid'), 200);
});
const shutdown = new GracefulShutdown({
  health,
  servers: [server],
  lingerMs: 100,
  phases: { caches: [() => redis.quit()], db: [() => pool.end()] },
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

console.log(
  'ready:',
  (await fetch(`${origin}/ready`)).status,
  await health.readiness().then((r) => r.status),
);
const payment = fetch(`${origin}/pay`, { method: 'POST' });
await new Promise((resolve) => setTimeout(resolve, 50));
const finished = shutdown.run('the example ends'); // `shutdown.listen()` does it on SIGTERM
console.log('while draining:', await (await payment).text());
const { exitCode, cut } = await finished;
console.log(`exit code ${exitCode}, ${cut.length} cut`);
