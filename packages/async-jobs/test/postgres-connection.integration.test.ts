import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import pg from 'pg';
import { expect, it } from 'vitest';
import { backends } from '../../../test/backends.ts';
import { inTransaction, listenOn } from '../src/postgres-connection.ts';

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
