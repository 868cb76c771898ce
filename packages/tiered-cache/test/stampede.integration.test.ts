import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { backends } from '../../../test/backends.ts';
import { gate, never, Rig, sleep, until } from './support/rig.ts';

const { redisUrl } = backends();

/** Starts support/loads-in-a-process.ts and waits until it is ready. */
async function start(rig: Rig, key: string, callers: number, what = 'load'): Promise<ChildProcess> {
  const file = join(import.meta.dirname, 'support/loads-in-a-process.ts');
  const child = fork(file, [redisUrl, rig.namespace, key, String(callers), what], {
    execArgv: ['--conditions=@evenkeel/source', '--import', 'tsx'],
  });
  await told(child, (message) => message === 'ready');
  return child;
}

function told(child: ChildProcess, is: (message: unknown) => boolean): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.on('message', (message) => is(message) && resolve(message));
    child.once('exit', (code) => reject(new Error(`The process ended with ${code}`)));
  });
}

test('1,000 callers of a loader that throws get its error, and it runs once', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  let calls = 0;
  const fail = async () => {
    calls++;
    await sleep(50);
    throw new Error('database down');
  };
  const outcomes = await Promise.allSettled(Array.from({ length: 1_000 }, () => a.get('k', fail)));
  expect(calls).toBe(1);
  expect(new Set(outcomes.map((one) => one.status === 'rejected' && one.reason.message))).toEqual(
    new Set(['database down']),
  );
  expect(await a.get('k', () => 'up again')).toBe('up again');
});

test('three processes with 300 callers each load once', async () => {
  await using rig = new Rig();
  const children = await Promise.all([1, 2, 3].map(() => start(rig, 'k', 300)));
  const results = children.map((child) => told(child, (message) => typeof message === 'object'));
  for (const child of children) child.send('go');
  const all = (await Promise.all(results)) as { loads: number; values: string[] }[];
  expect(all.reduce((sum, { loads }) => sum + loads, 0)).toBe(1);
  expect(new Set(all.flatMap(({ values }) => values)).size).toBe(1);
});

test('a process that is killed while it loads holds up the others for no longer than its lease', async () => {
  await using rig = new Rig();
  const child = await start(rig, 'k', 1, 'crash');
  const loading = told(child, (message) => message === 'loading');
  child.send('go');
  await loading;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
  const a = await rig.following(redisUrl);
  const start_ = performance.now();
  expect(await a.get('k', () => 'mine')).toBe('mine');
  expect(performance.now() - start_).toBeLessThan(2_000);
});

test('a load that takes longer than the lease keeps it by renewing it', async () => {
  await using rig = new Rig();
  const options = { leaseMs: 150 };
  const a = await rig.following(redisUrl, options);
  const b = await rig.following(redisUrl, options);
  const loaded = gate<string>();
  const first = a.get('k', () => loaded.opened);
  await until(async () => (await rig.client(redisUrl).exists(`tc:{${rig.namespace}}:l:k`)) === 1);
  const second = b.get('k', never);
  await sleep(600);
  loaded.open('slow');
  expect(await first).toBe('slow');
  expect(await second).toBe('slow');
});

test('who has waited for another process long enough loads by itself and stores nothing in Redis', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const b = await rig.following(redisUrl, { leaseWaitMs: 100 });
  const loaded = gate<string>();
  const first = a.get('k', () => loaded.opened);
  await until(async () => (await rig.client(redisUrl).exists(`tc:{${rig.namespace}}:l:k`)) === 1);
  expect(await b.get('k', () => 'impatient')).toBe('impatient');
  expect(await b.get('k', never)).toBe('impatient');
  loaded.open('patient');
  expect(await first).toBe('patient');
  const c = await rig.following(redisUrl);
  await rig.stored(redisUrl, 'k');
  expect(await c.get('k', never)).toBe('patient');
});

test('when a load fails in one process, the one that waits loads', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const b = await rig.following(redisUrl);
  const failed = gate();
  const first = a.get('k', async () => {
    await failed.opened;
    throw new Error('mine only');
  });
  await until(async () => (await rig.client(redisUrl).exists(`tc:{${rig.namespace}}:l:k`)) === 1);
  const second = b.get('k', () => 'loaded');
  failed.open();
  await expect(first).rejects.toThrow('mine only');
  expect(await second).toBe('loaded');
});
