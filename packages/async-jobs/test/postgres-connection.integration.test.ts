import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import pg from 'pg';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { backends, startPgBouncer } from '../../../test/backends.ts';
import {
  defineJob,
  JobQueue,
  memoryTransport,
  type PostgresOutboxOptions,
  postgresOutbox,
} from '../src/index.ts';
import { inTransaction, listenOn } from '../src/postgres-connection.ts';
import { Clients } from './clients.ts';

/** "Ready for query", the end of a connection's greeting; and what a server says that shuts down. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
const GOODBYE = (() => {
  const fields = Buffer.from('SFATAL\0C57P01\0Mterminating connection\0\0');
  const head = Buffer.from([0x45, 0, 0, 0, 0]);
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
})();

/** A way to PostgreSQL that is cut right behind the greeting, in the same packet, `times` times. */
async function cutAfterGreeting(times: number) {
  const target = new URL(backends().databaseUrl);
  const { hostname, port } = target;
  let cuts = 0;
  const server = createServer((socket) => {
    const upstream = connect(Number(port), hostname);
    socket.on('error', () => {});
    upstream.on('error', () => {});
    socket.pipe(upstream);
    upstream.on('data', (data) => {
      if (cuts < times && data.subarray(-READY.length).equals(READY)) {
        cuts++;
        socket.end(Buffer.concat([data, GOODBYE]));
        upstream.destroy();
      } else socket.write(data);
    });
    upstream.on('end', () => socket.end());
    socket.on('close', () => upstream.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  target.hostname = '127.0.0.1';
  target.port = String((server.address() as AddressInfo).port);
  return { url: target.href, close: () => server.close() };
}

it('survives a connection that is cut in the moment in which it is made', async () => {
  const proxy = await cutAfterGreeting(2);
  const pool = new pg.Pool({ connectionString: proxy.url, max: 1 });
  pool.on('error', () => {});
  // An 'error' that nobody hears would end this process, and this test
  await expect(inTransaction(pool, (tx) => tx.query('SELECT 1'))).rejects.toThrow();
  await expect(
    listenOn(
      pool,
      'cut',
      () => {},
      () => {},
    ),
  ).rejects.toThrow();
  const { rows } = await inTransaction(pool, (tx) => tx.query('SELECT 1 AS one'));
  expect(rows).toEqual([{ one: 1 }]);
  await pool.end();
  proxy.close();
});

it('loses no job behind a pooler that hands on each transaction to another connection, where names of statements are lost', async () => {
  const clients = new Clients();
  await clients.outbox().migrate();
  await using pooler = await startPgBouncer({
    databases: { jobs: backends().databaseUrl },
    settings: { default_pool_size: '1' },
  });
  const pool = new pg.Pool({ connectionString: `${pooler.url}/jobs`, max: 2 });
  const [one, two] = [await pool.connect(), await pool.connect()];
  pool.on('error', () => {});
  const through = (options: PostgresOutboxOptions) =>
    new JobQueue({
      transport: memoryTransport(),
      outbox: postgresOutbox(pool, { schema: clients.schema, ...options }),
    });
  const job = defineJob({ name: 'test', schema: z.object({ n: z.number() }) });
  const inTurns = async (own: JobQueue) => {
    for (let n = 0; n < 10; n++) {
      const tx = n % 2 ? two : one;
      await tx.query('BEGIN');
      try {
        await own.enqueue(job, { n }, { tx, idempotencyKey: String(n) });
      } catch (error) {
        await tx.query('ROLLBACK');
        throw error;
      }
      await tx.query('COMMIT');
    }
  };
  // The same statement a second time, with or without a notification, by the third transaction at the latest
  const lost = await inTurns(through({ prepare: true })).catch((error) => error);
  const unnamed = through({});
  await inTurns(unnamed);
  one.release();
  two.release();
  await unnamed.enqueue(job, { n: 10 });
  await pool.end();
  expect(lost).toMatchObject({ code: '42P05' });
  expect(await clients.count('job_outbox')).toBe(11);
  await clients.close();
});
