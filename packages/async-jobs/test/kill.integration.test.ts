import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { env } from 'node:process';
import { afterAll, expect, it } from 'vitest';
import { uniqueName } from '../../../test/backends.ts';
import { Clients } from './clients.ts';
import { chargeJob } from './fixtures/charge.ts';
import { startProcess } from './fixtures/start-process.ts';
import { DRIVER } from './fixtures/transport.ts';
import { Provider } from './provider.ts';
import { until } from './until.ts';

const clients = new Clients();
const children: ChildProcess[] = [];
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await clients.close();
});

// KILL=full: 10,000 jobs of 500 keys, killed once. TRANSPORT=platformatic: on that driver
const full = env.KILL === 'full';
const JOBS = full ? 10_000 : 1_800;
const KEYS = full ? 500 : 100;
const KILLS = full ? 1 : 2;

async function startWorker(queue: string, provider: Provider): Promise<ChildProcess> {
  const child = await startProcess('worker-process.ts', {
    SCHEMA: clients.schema,
    QUEUE: queue,
    PROVIDER_URL: provider.url,
  });
  children.push(child);
  return child;
}

it('loses no job and doubles no effect when the worker is killed, with a slow job at the head', {
  timeout: 120_000,
}, async () => {
  const queue = await clients.queue();
  const provider = await Provider.open();
  const job = chargeJob(uniqueName('kill'));
  await queue.ensureTopics([job]);
  await clients.pool.query(`
    CREATE TABLE "${clients.schema}".deliveries (job_id uuid);
    CREATE TABLE "${clients.schema}".effects (id serial, job_id uuid, key text, n int)`);
  // The first job of every 25th key is slow: without the map, everything behind it would be repeated
  await queue.enqueueMany(
    job,
    Array.from({ length: JOBS }, (_, n) => ({
      key: `k${n % KEYS}`,
      n,
      slowMs: n < KEYS && n % 25 === 0 ? 4_000 : 1,
    })),
  );
  const relay = queue.relay();
  await relay.run();

  const effects = () => clients.count('effects');
  const rejoinedMs: number[] = [];
  let worker = await startWorker(job.queue, provider);
  for (let kill = 1; kill <= KILLS; kill++) {
    await until(
      'some progress',
      async () => (await effects()) > (JOBS * kill) / (KILLS + 1.5),
      60_000,
    );
    worker.kill('SIGKILL');
    await once(worker, 'exit');
    const killedAt = Date.now();
    worker = await startWorker(job.queue, provider);
    rejoinedMs.push(Date.now() - killedAt);
  }
  await until('all effects', async () => (await effects()) >= JOBS, 60_000);
  await new Promise((resolve) => setTimeout(resolve, 500)); // time for a doubled effect to appear
  worker.kill('SIGKILL');
  provider.close();

  expect(await effects()).toBe(JOBS);
  const { rows: doubled } = await clients.pool.query(
    `SELECT job_id FROM "${clients.schema}".effects GROUP BY job_id HAVING count(*) > 1`,
  );
  expect(doubled).toEqual([]);
  const { rows: disordered } = await clients.pool.query(`
    SELECT * FROM (SELECT key, n, lag(n) OVER (PARTITION BY key ORDER BY id) AS before
    FROM "${clients.schema}".effects) e WHERE n < before`);
  expect(disordered).toEqual([]);
  const duplicates = (await clients.count('deliveries')) - JOBS;
  console.log(
    `${DRIVER}, killed ${KILLS} times: ${duplicates} of ${JOBS} jobs delivered again, ${provider.calledAgain} calls repeated under their key, working again after ${rejoinedMs.join(' and ')} ms (session timeout 6,000 ms)`,
  );
  // What was done since the last commit (50 jobs and some more) and what was running (50), per kill
  expect(duplicates).toBeLessThan(KILLS * 100);
  // Every job was charged, and nothing was called that had not been delivered for it
  expect(provider.charges).toBe(JOBS);
  expect(provider.calledAgain).toBeLessThanOrEqual(duplicates);
  expect(Math.max(...rejoinedMs)).toBeLessThan(20_000);
});
