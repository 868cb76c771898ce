import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { probe } from './backends/probe.ts';
import { BackendError, startKafka, startPostgres, startRedis } from './backends.ts';

/** Whether it happens within this time: what is paused does nothing for as long as one cares to wait. */
async function within(milliseconds: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  return await Promise.race([promise.then(() => true), late]).finally(() => clearTimeout(timer));
}

function redisClient(url: string): Redis {
  const client = new Redis(url, { retryStrategy: () => 20 });
  client.on('error', () => {}); // the server is killed under it
  onTestFinished(() => client.disconnect());
  return client;
}

async function sqlClient(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {}); // the server is killed under it
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

describe('a Redis of the test', () => {
  it('is silent while paused, and answers what was asked when it resumes', async () => {
    await using server = await startRedis();
    const client = redisClient(server.url);
    await client.ping();
    server.pause();
    const answer = client.ping();
    expect(await within(200, answer)).toBe(false);
    server.resume();
    expect(await answer).toBe('PONG');
  });

  it('comes back on its port after kill, with its data where it keeps them', async () => {
    await using server = await startRedis({
      args: ['--appendonly', 'yes', '--appendfsync', 'always'],
    });
    const client = redisClient(server.url);
    await client.set('key', 'kept');
    const { pid, url } = server;
    await server.kill();
    expect(() => server.pid).toThrow(BackendError);
    await server.restart();
    expect(server.url).toBe(url);
    expect(server.pid).not.toBe(pid);
    expect(await client.get('key')).toBe('kept');
  });

  it('can be the replica of another', async () => {
    await using primary = await startRedis();
    const writer = redisClient(primary.url);
    await writer.set('key', 'value');
    await using replica = await startRedis({ replicaOf: primary });
    const reader = redisClient(replica.url);
    expect(await reader.get('key')).toBe('value');
    await expect(reader.set('key', 'other')).rejects.toThrow('READONLY');
    await writer.set('key', 'newer');
    expect(await writer.wait(1, 1000)).toBe(1);
    expect(await reader.get('key')).toBe('newer');
  });

  it('stops while it is paused, and twice', async () => {
    const server = await startRedis();
    server.pause();
    await server.stop();
    await server.stop();
    await expect(probe('redis', server.url)).rejects.toThrow('ECONNREFUSED');
  });
});

describe('a PostgreSQL of the test', () => {
  it('pauses its workers too, and keeps what was committed when it is killed', async () => {
    await using server = await startPostgres({ settings: { max_connections: '20' } });
    const client = await sqlClient(server.url);
    await client.query('CREATE TABLE kept AS SELECT 7 AS n');
    server.pause();
    const answer = client.query('SHOW max_connections');
    expect(await within(200, answer)).toBe(false);
    server.resume();
    expect((await answer).rows[0].max_connections).toBe('20');
    await server.kill();
    await server.restart();
    const again = await sqlClient(server.url);
    expect((await again.query('SELECT n FROM kept')).rows).toEqual([{ n: 7 }]);
  });

  it('can be the streaming replica of another, and its successor', async () => {
    await using primary = await startPostgres();
    const writer = await sqlClient(primary.url);
    await writer.query('CREATE TABLE seats (id int PRIMARY KEY)');
    await writer.query('INSERT INTO seats SELECT generate_series(1, 1000)');
    await using replica = await startPostgres({ replicaOf: primary });
    const reader = await sqlClient(replica.url);
    const seats = async () =>
      Number((await reader.query('SELECT count(*) FROM seats')).rows[0].count);
    expect(await seats()).toBe(1000);
    await expect(reader.query('INSERT INTO seats VALUES (1001)')).rejects.toThrow('read-only');
    await writer.query('INSERT INTO seats VALUES (1001)');
    await expect.poll(seats).toBe(1001);
    await primary.kill();
    await reader.query('SELECT pg_promote()');
    await reader.query('INSERT INTO seats VALUES (1002)');
    expect(await seats()).toBe(1002);
  });
});

describe('a Kafka of the test', () => {
  it('comes back on its port after kill, with its messages', async () => {
    await using server = await startKafka({ properties: { 'num.partitions': '3' } });
    const kafka = new Kafka({ brokers: [server.url], logLevel: logLevel.NOTHING });
    const [admin, producer] = [kafka.admin(), kafka.producer()];
    onTestFinished(
      async () => void (await Promise.all([admin.disconnect(), producer.disconnect()])),
    );
    await Promise.all([admin.connect(), producer.connect()]);
    await admin.createTopics({ topics: [{ topic: 'orders' }] });
    await producer.send({ topic: 'orders', messages: [{ value: 'kept', partition: 2 }] });
    await server.kill();
    await server.restart();
    const offsets = await admin.fetchTopicOffsets('orders');
    expect(offsets.map(({ partition, high }) => `${partition}:${high}`).sort()).toEqual([
      '0:0',
      '1:0',
      '2:1',
    ]);
  }, 180_000); // two starts of Kafka, on a machine that may be busy
});
