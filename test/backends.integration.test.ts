import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type ChildRun, runInChild } from './backends/fixtures/child-run.ts';
import { leftovers } from './backends/fixtures/leftovers.ts';
import { probe } from './backends/probe.ts';
import { succeeds } from './backends/succeeds.ts';
import { type Backends, startBackends } from './backends.ts';

/** No address from outside, and processes of our own, whichever way the other tests were started. */
const alone = { REDIS_URL: '', DATABASE_URL: '', KAFKA_BROKERS: '', BACKENDS: 'native' };

/** A temporary folder in which nobody else writes. */
async function ownFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'backends-test-'));
  await chmod(folder, 0o755); // root's PostgreSQL runs as another user
  return folder;
}

async function childRun(...args: string[]): Promise<{ run: ChildRun; folder: string }> {
  const folder = await ownFolder();
  const run = runInChild(args, { ...alone, TMPDIR: folder });
  onTestFinished(async () => {
    if (run.running()) process.kill(run.pid, 'SIGKILL');
    await gone(folder);
    await rm(folder, { recursive: true, force: true });
  });
  return { run, folder };
}

/** Resolves when a run has left nothing. */
async function gone(folder: string): Promise<void> {
  await vi.waitFor(() => expect(leftovers(folder)).toEqual([]), { timeout: 20_000, interval: 50 });
}

describe('two runs side by side', () => {
  let first: Backends;
  let second: ChildRun;
  let addresses: Record<'REDIS_URL' | 'DATABASE_URL' | 'KAFKA_BROKERS', string>;
  let firstFolder: string;
  let secondFolder: string;
  const lines: string[] = [];

  beforeAll(async () => {
    [firstFolder, secondFolder] = [await ownFolder(), await ownFolder()];
    second = runInChild(['redis,postgres,kafka'], { ...alone, TMPDIR: secondFolder });
    for (const [name, value] of Object.entries(alone)) vi.stubEnv(name, value);
    vi.stubEnv('TMPDIR', firstFolder);
    first = await startBackends({ log: (line) => lines.push(line) });
    addresses = JSON.parse((await second.says(/^\{.*\}$/m))[0]);
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await first.stop();
    if (second.running()) process.kill(second.pid, 'SIGKILL');
    await Promise.all([gone(firstFolder), gone(secondFolder)]);
    for (const folder of [firstFolder, secondFolder]) await rm(folder, { recursive: true });
  });

  it('gives a Redis that keeps a value, and not that of the other run', async () => {
    const [client, other] = [new Redis(first.redisUrl), new Redis(addresses.REDIS_URL)];
    onTestFinished(() => [client, other].forEach((one) => void one.disconnect()));
    await client.set('key', 'first');
    expect(await client.get('key')).toBe('first');
    expect(await other.get('key')).toBeNull();
  });

  it('gives a PostgreSQL 18 that keeps a row, and not that of the other run', async () => {
    const [client, other] = [first.databaseUrl, addresses.DATABASE_URL].map(
      (connectionString) => new pg.Client({ connectionString }),
    ) as [pg.Client, pg.Client];
    onTestFinished(async () => void (await Promise.all([client.end(), other.end()])));
    await Promise.all([client.connect(), other.connect()]);
    await client.query('CREATE TABLE seats AS SELECT 42 AS free');
    expect((await client.query('SELECT free FROM seats')).rows).toEqual([{ free: 42 }]);
    await expect(other.query('SELECT free FROM seats')).rejects.toThrow('does not exist');
    expect((await client.query('SHOW server_version_num')).rows[0].server_version_num).toMatch(
      /^18/,
    );
    expect((await client.query('SHOW max_connections')).rows[0].max_connections).toBe('200');
  });

  it('gives a Kafka that carries a message, and not to the other run', async () => {
    const connect = (broker: string) =>
      new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
    const kafka = connect(first.kafkaBrokers);
    const [admin, otherAdmin] = [kafka.admin(), connect(addresses.KAFKA_BROKERS).admin()];
    const producer = kafka.producer({ idempotent: true });
    const consumer = kafka.consumer({ groupId: 'readers' });
    const clients = [admin, otherAdmin, producer, consumer];
    onTestFinished(async () => void (await Promise.all(clients.map((one) => one.disconnect()))));
    await Promise.all(clients.map((one) => one.connect()));
    await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 3 }] });
    await producer.send({ topic: 'orders', messages: [{ key: 'k', value: 'hello' }] });
    await consumer.subscribe({ topic: 'orders', fromBeginning: true });
    const received = new Promise((resolve) => {
      const eachMessage = async ({ message }: { message: { value: Buffer | null } }) =>
        resolve(String(message.value));
      void consumer.run({ eachMessage });
    });
    expect(await received).toBe('hello');
    expect(await admin.listTopics()).toContain('orders');
    expect(await otherAdmin.listTopics()).not.toContain('orders');
  });

  it('says in one line each what was found, which version, how, and how long it took', () => {
    expect(lines.filter((line) => /, native, \d+\.\d s: /.test(line)).sort()).toEqual([
      expect.stringMatching(/^Kafka 4\.\d+\.\d+, native, \d+\.\d s: 127\.0\.0\.1:\d+$/),
      expect.stringMatching(
        /^PostgreSQL 18\.\d+, native, \d+\.\d s: postgres:\/\/127\.0\.0\.1:\d+\/postgres$/,
      ),
      expect.stringMatching(
        /^(Redis|Valkey) \d+\.\S+, native, \d+\.\d s: redis:\/\/127\.0\.0\.1:\d+$/,
      ),
    ]);
  });

  it('stops one and leaves the other alone', async () => {
    await first.stop();
    expect(leftovers(firstFolder)).toEqual([]);
    expect(await succeeds(probe('redis', first.redisUrl))).toBe(false);
    await expect(probe('postgres', first.databaseUrl)).rejects.toThrow('ECONNREFUSED');
    await expect(probe('kafka', first.kafkaBrokers)).rejects.toThrow();
    await probe('redis', addresses.REDIS_URL);
    await probe('postgres', addresses.DATABASE_URL);
    await probe('kafka', addresses.KAFKA_BROKERS);
  });

  it('leaves nothing after kill -9', async () => {
    process.kill(second.pid, 'SIGKILL');
    await gone(secondFolder);
    expect(await succeeds(probe('redis', addresses.REDIS_URL))).toBe(false);
  });
});

describe('the end of a run', () => {
  it('leaves nothing when Ctrl-C comes in the middle of the start', async () => {
    const { run, folder } = await childRun('redis,postgres,kafka');
    await run.says(/^PostgreSQL/m);
    expect(leftovers(folder)).not.toEqual([]);
    process.kill(-run.pid, 'SIGINT');
    expect(await run.exit).toEqual([null, 'SIGINT']);
    expect(run.output()).not.toMatch(/^Kafka 4.*native/m);
    await gone(folder);
  });

  it.each([
    ['SIGTERM', 'redis,postgres'],
    ['SIGHUP', 'redis'],
  ])('leaves nothing after %s', async (signal, only) => {
    const { run, folder } = await childRun(only);
    await run.says(/^\{/m);
    process.kill(run.pid, signal);
    expect(await run.exit).toEqual([null, signal]);
    await gone(folder);
  });

  it('leaves nothing after an uncaught exception', async () => {
    const { run, folder } = await childRun('redis', 'by exception');
    await run.says(/as told/);
    expect(await run.exit).toEqual([1, null]);
    await gone(folder);
  });

  it('keeps the servers alive when the program handles Ctrl-C itself', async () => {
    const { run } = await childRun('redis', 'not by SIGINT');
    const { REDIS_URL } = JSON.parse((await run.says(/^\{.*\}$/m))[0]);
    process.kill(-run.pid, 'SIGINT');
    expect(await succeeds(probe('redis', REDIS_URL))).toBe(true);
  });

  it('stops what was started when its signal aborts', async () => {
    const folder = await ownFolder();
    for (const [name, value] of Object.entries(alone)) vi.stubEnv(name, value);
    vi.stubEnv('TMPDIR', folder);
    const abort = new AbortController();
    const log = (line: string) => line.startsWith('PostgreSQL') && abort.abort(new Error('enough'));
    await expect(startBackends({ log, signal: abort.signal })).rejects.toThrow('enough');
    expect(leftovers(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });

  afterEach(() => void vi.unstubAllEnvs());
});
