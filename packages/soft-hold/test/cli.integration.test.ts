import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { backends } from '../../../test/backends.ts';
import { migrationSql } from '../src/index.ts';
import { grab, noRows, openPool } from './setup.ts';

async function cli(args: string[], env: NodeJS.ProcessEnv = {}) {
  const file = join(import.meta.dirname, '../src/cli/evenkeel-hold.ts');
  const { redisUrl: REDIS_URL, databaseUrl: DATABASE_URL } = backends();
  const child = spawn(
    process.execPath,
    ['--conditions=@evenkeel/source', '--import', 'tsx', file, ...args],
    { env: { ...process.env, REDIS_URL, DATABASE_URL, ...env } },
  );
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

test('shows, verifies and rebuilds a pool, with exit codes and JSON', async () => {
  const { pool, redis } = await openPool({ GA: 10 });
  await pool.commit(await grab(pool, 2), noRows);
  const shown = await cli(['show', pool.pool, '--json']);
  expect(shown.code).toBe(0);
  expect(JSON.parse(shown.stdout)).toMatchObject({
    ...{ pool: pool.pool, epoch: 1, board: 'redis' },
    skus: { GA: { total: 10, free: 8, held: 0, sold: 2, waiting: 0 } },
  });
  expect(await cli(['verify', pool.pool])).toMatchObject({
    code: 0,
    stdout: `${pool.pool}: Redis and PostgreSQL agree\n`,
    stderr: '',
  });
  await redis.hset(`{hold:${pool.pool}}:c`, 'GA', '9 0 1 10');
  expect(await cli(['verify', pool.pool])).toMatchObject({
    code: 1,
    stdout: 'sold of GA: 1, expected 2\n',
  });
  const rebuilt = await cli(['rebuild', pool.pool, '--json']);
  expect(rebuilt.code).toBe(0);
  expect(JSON.parse(rebuilt.stdout)).toMatchObject({ epoch: 2, ok: true, differences: [] });
  expect(await pool.verify()).toEqual({ ok: true, differences: [] });
});

test('says what is wrong by exit code, and never an address', async () => {
  const help = await cli(['--help']);
  expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('Exit codes') });
  const migration = await cli(['migration', '--schema', 'sales'], { DATABASE_URL: '' });
  expect(migration).toMatchObject({ code: 0, stdout: `${migrationSql('sales')}\n` });
  expect(await cli(['show'])).toMatchObject({ code: 2 });
  expect(await cli(['sell', 'x'])).toMatchObject({ code: 2 });
  expect(await cli(['show', 'a{b}'])).toMatchObject({ code: 2 });
  expect(await cli(['show', 'nobody-opened-this'])).toMatchObject({ code: 4 });
  const secret = 'postgres://someone:hunter2@127.0.0.1:1/none';
  const down = await cli(['show', 'x', '--database', secret]);
  expect(down.code).toBe(3);
  expect(down.stdout + down.stderr).not.toContain('hunter2');
});
