import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { backends } from '../../../test/backends.ts';
import { migrationSql } from '../src/index.ts';
import { grab, journalled, noRows, openPool } from './setup.ts';

const file = join(import.meta.dirname, '../src/cli/evenkeel-hold.ts');
const node = [process.execPath, '--conditions=@evenkeel/source', '--import', 'tsx', file];

function cli(args: string[], env: NodeJS.ProcessEnv = {}) {
  return ended(start([...node, ...args], env));
}

/** In a terminal of its own; what is written to its stdin is typed there. */
function inTerminal(args: string[], env: NodeJS.ProcessEnv = {}) {
  return start(['script', '-qec', [...node, ...args].join(' '), '/dev/null'], env);
}

function start([command = '', ...args]: string[], env: NodeJS.ProcessEnv) {
  const { redisUrl: REDIS_URL, databaseUrl: DATABASE_URL } = backends();
  return spawn(command, args, { env: { ...process.env, REDIS_URL, DATABASE_URL, ...env } });
}

async function ended(child: ReturnType<typeof start>) {
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

const BAR = /\r(verify|rebuild) \[#*\.*\] \d+ %/;
const ERASED = '\r\x1b[2K';

test('shows in a terminal how far it is, and leaves nothing of it there', async () => {
  const { pool } = await openPool({ GA: 10 });
  const { code, stdout } = await ended(inTerminal(['verify', pool.pool]));
  expect(code).toBe(0);
  expect(stdout).toMatch(BAR);
  expect(stdout).toContain(`verify [${'#'.repeat(30)}] 100 %`);
  expect(stdout.split(ERASED)).toEqual([
    expect.stringMatching(BAR),
    `${pool.pool}: Redis and PostgreSQL agree\r\n`,
  ]);
  const json = await ended(inTerminal(['verify', pool.pool, '--json']));
  expect(json.stdout).toBe(`${JSON.stringify({ pool: pool.pool, ok: true, differences: [] })}\r\n`);
});

test('Ctrl-C half-way through a rebuild leaves a clean terminal, and a pool that goes on', async () => {
  const { pool, pgPool } = await openPool({ GA: 5_000 });
  const held = await Promise.all(Array.from({ length: 2_000 }, () => grab(pool)));
  await journalled(pgPool, ...held);
  const address = await stallingProxy(100_000); // some 50,000 bytes for 500 holds
  const child = inTerminal(['rebuild', pool.pool], { REDIS_URL: address });
  let seen = '';
  child.stdout.on('data', (text) => {
    seen += text;
    if (/ [1-9]\d? %$/.test(seen)) child.stdin.write('\x03');
  });
  const { code, stdout } = await ended(child);
  expect(code).toBe(130); // as of any program that was interrupted
  expect(stdout).toMatch(BAR);
  expect(stdout.endsWith(ERASED)).toBe(true);
  expect((await pool.available()).skus.GA).toMatchObject({ free: 3_000, held: 2_000, sold: 0 });
  expect(await pool.verify()).toEqual({ ok: true, differences: [] });
});

/** The address of a way to Redis that passes so many bytes on, and then nothing any more. */
async function stallingProxy(bytes: number): Promise<string> {
  const { hostname, port } = new URL(backends().redisUrl);
  let passed = 0;
  const proxy = createServer((client) => {
    const redis = connect(Number(port), hostname);
    for (const socket of [client, redis]) socket.on('error', () => {});
    redis.pipe(client);
    client.on('close', () => redis.destroy());
    client.on('data', (chunk) => {
      passed += chunk.length;
      if (passed < bytes) redis.write(chunk);
    });
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void proxy.close());
  return `redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}
