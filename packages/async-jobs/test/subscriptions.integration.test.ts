import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, describe, expect, it } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { z } from 'zod';
import { uniqueName } from '../../../test/backends.ts';
import {
  defineJob,
  handle,
  JobQueue,
  memoryStatus,
  memoryTransport,
  redisStatus,
  type StatusStore,
  Worker,
} from '../src/index.ts';
import { serveJobEvents } from '../src/sse.ts';
import { serveJobSocket } from '../src/websocket.ts';
import { Clients } from './clients.ts';
import { until } from './until.ts';

const secret = 'a secret of at least thirty-two bytes';
const clients = new Clients();
const closers: (() => unknown)[] = [];
setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
afterAll(async () => {
  for (const close of closers.reverse()) await close();
  await clients.close();
});

/** Bytes in use after collecting what is not. */
function held(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function setup(status: StatusStore = memoryStatus()) {
  const queue = new JobQueue({
    transport: memoryTransport(),
    status,
    tokens: { secrets: [secret] },
  });
  const job = defineJob({ name: 'test', schema: z.number(), key: String });
  await queue.ensureTopics([job]);
  const sockets = new WebSocketServer({ noServer: true });
  sockets.on('connection', (socket) => serveJobSocket(queue, socket, { maxSubscriptions: 20 }));
  const server: Server = createServer((request, response) => {
    void serveJobEvents(queue, request, response, { heartbeatMs: 100 });
  });
  server.on('upgrade', (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (ws) => sockets.emit('connection', ws)),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  closers.push(async () => {
    await queue.close();
    server.closeAllConnections();
    server.close();
  });
  return { queue, job, port, sockets };
}

async function open(port: number): Promise<{ socket: WebSocket; heard: Record<string, never>[] }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  const heard: Record<string, never>[] = [];
  socket.on('message', (data) => heard.push(JSON.parse(String(data))));
  await once(socket, 'open');
  closers.push(() => socket.terminate());
  return { socket, heard };
}

describe('WebSocket', () => {
  it('follows the job of a token to its end, and refuses every other', async () => {
    const { queue, job, port } = await setup();
    const ticket = await queue.enqueue(job, 1);
    const { socket, heard } = await open(port);
    socket.send(JSON.stringify({ subscribe: ticket.token }));
    await until('the first status', () => heard.length === 1);
    const worker = new Worker(queue, { handlers: [handle(job, (n) => n * 2)] });
    await worker.run();
    await until('the end', () => JSON.stringify(heard.at(-1)).includes('succeeded'));
    expect(heard.at(-1)).toMatchObject({ type: 'status', status: { id: ticket.id, result: 2 } });
    heard.length = 0;
    const [id, expiry, mac] = (ticket.token as string).split('.') as [string, string, string];
    // ids end in what is random: a last digit that is put there may be the one that it had
    const other = id.endsWith('0') ? '1' : '0';
    const forged = [
      `${id.slice(0, -1)}${other}.${expiry}.${mac}`,
      `${id}.${Number(expiry) + 1}.${mac}`,
    ];
    for (const token of [...forged, `${id}.1.${mac}`, id, 7, null, {}]) {
      socket.send(JSON.stringify({ subscribe: token }));
    }
    socket.send('{');
    socket.send('{}');
    await until('nine answers', () => heard.length === 9);
    expect(heard.map(({ code }) => code)).toEqual([
      ...Array(7).fill('ERR_JOB_TOKEN'),
      'ERR_JOB_SOCKET',
      'ERR_JOB_SOCKET',
    ]);
    await worker.drain();
  });

  it('gives a socket that does not read the latest only, at the cost of one status', async () => {
    const { queue, job, port, sockets } = await setup();
    const { id, token } = await queue.enqueue(job, 1);
    const { socket, heard } = await open(port);
    socket.send(JSON.stringify({ subscribe: token }));
    await until('the first status', () => heard.length === 1);
    socket.pause();
    const note = 'x'.repeat(100_000);
    const [served] = sockets.clients;
    let waiting = 0;
    let before = 0;
    for (let sequence = 1; sequence <= 200; sequence++) {
      const status = { id, name: 'test', attempt: 1, progress: 1, note, atMs: sequence };
      queue.report({ ...status, state: 'active' }, sequence);
      await queue.flushStatus(1_000);
      waiting = Math.max(waiting, served?.bufferedAmount ?? 0);
      if (sequence === 100) before = held();
    }
    const grown = held() - before;
    queue.report({ id, name: 'test', state: 'dead', attempt: 1, progress: 0, atMs: 0 });
    await queue.flushStatus(1_000);
    socket.resume();
    await until('the end', () => JSON.stringify(heard.at(-1)).includes('dead'));
    // What the kernel's buffers had taken, and the last: of 20 MB
    expect(heard.length).toBeLessThan(120);
    // One status waits in the process, and a hundred more that nobody reads leave nothing of their 10 MB
    expect(waiting).toBeGreaterThan(0);
    expect(waiting).toBeLessThan(2 * note.length);
    expect(grown).toBeLessThan(2_000_000);
  });

  it('follows 10,000 jobs by 1,000 sockets, each job to its end', {
    timeout: 120_000,
  }, async () => {
    const status = redisStatus(clients.redis(), { prefix: uniqueName('crowd') });
    const { queue, job, port } = await setup(status);
    const sockets = await Promise.all(Array.from({ length: 1_000 }, () => open(port)));
    const tickets = await queue.enqueueMany(
      job,
      Array.from({ length: 10_000 }, (_, n) => n),
    );
    for (const [i, { token }] of tickets.entries()) {
      sockets[i % 1_000]?.socket.send(JSON.stringify({ subscribe: token }));
    }
    const worker = new Worker(queue, { handlers: [handle(job, (n) => n)] });
    const begun = Date.now();
    await worker.run();
    const ended = () =>
      sockets.reduce(
        (sum, { heard }) =>
          sum + heard.filter((one) => JSON.stringify(one).includes('"succeeded"')).length,
        0,
      );
    await until(
      '10,000 ends',
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 200));
        return ended() === 10_000;
      },
      100_000,
    );
    const rss = Math.round(process.memoryUsage().rss / 2 ** 20);
    console.log(
      `10,000 jobs followed to their end by 1,000 sockets in ${Date.now() - begun} ms, ${rss} MiB`,
    );
    await worker.drain();
  });
});

describe('server-sent events', () => {
  it('follow a job to its end, stop a browser that comes again, and refuse a token that is not valid', async () => {
    const { queue, job, port } = await setup();
    const ticket = await queue.enqueue(job, 1);
    const url = `http://127.0.0.1:${port}/?token=${ticket.token}`;
    const response = await fetch(url);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const worker = new Worker(queue, {
      handlers: [handle(job, () => new Promise((resolve) => setTimeout(resolve, 250, 'paid')))],
    });
    await worker.run();
    const text = await response.text(); // ends with the job
    const last = text.trim().split('\n\n').at(-1) ?? '';
    expect(text).toContain(':\n\n');
    expect(last).toMatch(/^id: final\nevent: status\ndata: /);
    expect(JSON.parse(last.split('data: ')[1] ?? '')).toMatchObject({ result: 'paid' });
    const again = await fetch(url, { headers: { 'last-event-id': 'final' } });
    expect(again.status).toBe(204);
    const bearer = { authorization: `Bearer ${ticket.token}` };
    expect(await (await fetch(`http://127.0.0.1:${port}/`, { headers: bearer })).text()).toContain(
      'paid',
    );
    const refused = await fetch(`http://127.0.0.1:${port}/?token=${ticket.token}x`);
    expect([refused.status, await refused.json()]).toMatchObject([401, { code: 'ERR_JOB_TOKEN' }]);
    await worker.drain();
  });
});
