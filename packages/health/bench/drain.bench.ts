/**
 * SIGTERM under a load of kept-alive POSTs, ours beside the libraries for it: which requests are lost, which
 * payments are cut, how WebSockets end; the runs with a round trip of 10 ms become drain.svg.
 * `node --conditions=@evenkeel/source --import tsx bench/drain.bench.ts`
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { startLoad } from '../test/load.ts';
import { delayingProxy, Fixture } from '../test/support.ts';
import { type DrainTrack, drainPicture } from './drain-picture.ts';

const WAYS = [
  'server.close()',
  'server.close(), 2 s later',
  'fastify.close(), 2 s later',
  '@godaddy/terminus',
  'http-terminator',
  'stoppable',
  'http-graceful-shutdown',
  'lightship',
  '@nestjs/terminus',
  '@evenkeel/health',
];
const DELAY_MS = 2_000;
/** Kubernetes would wait 30 s; whoever needs more than this is not going to make it. */
const KILL_AFTER_MS = 12_000;
const CLIENTS = 30;
const SOCKETS = 20;
const tracks: DrainTrack[] = [];

async function measure(way: string, roundTripMs: number) {
  await using child = new Fixture('../../bench/drain-server.ts', way);
  const port = Number(await child.line('listening'));
  await using proxy = await delayingProxy(port, roundTripMs / 2);
  const spare = createServer((request, response) => {
    request.resume();
    setTimeout(() => response.end('{}'), 20);
  });
  await new Promise<void>((resolve) => spare.listen(0, '127.0.0.1', resolve));
  const seenPort = roundTripMs === 0 ? port : proxy.port;
  const sockets = Array.from(
    { length: SOCKETS },
    () => new WebSocket(`ws://127.0.0.1:${seenPort}/progress`),
  );
  await Promise.all(sockets.map((socket) => once(socket, 'open')));
  const codes: number[] = [];
  const goodbyes: number[] = [];
  for (const socket of sockets) {
    socket.on('close', (code) => {
      codes.push(code);
      if (code === 1001) goodbyes.push(performance.now());
    });
  }
  const answered: number[] = [];
  const losses: number[] = [];
  const load = startLoad({
    port: seenPort,
    readyPort: port,
    sparePort: (spare.address() as AddressInfo).port,
    clients: CLIENTS,
    pollMs: 200,
    onAnswer: (from) => from === seenPort && answered.push(performance.now()),
    onLoss: () => losses.push(performance.now()),
  });
  await wait(1_000);
  const startedAt = performance.now();
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
  const code = await child.exited;
  clearTimeout(killer);
  const endedAt = performance.now() - startedAt;
  const { lost } = await load.stop();
  await wait(50);
  spare.closeAllConnections();
  spare.close();
  const total = [...lost.values()].reduce((sum, count) => sum + count, 0);
  const since = (times: number[]) => times.map((at) => Math.round(at - startedAt));
  if (roundTripMs > 0) {
    tracks.push({
      name: way,
      answered: since(answered),
      lost: since(losses),
      goodbyes: since(goodbyes),
      endedAt,
      note: `${total} lost, ${code === null ? child.signal : `exit ${code}`}`,
    });
  }
  const refused = proxy.refused + (lost.get('ECONNREFUSED') ?? 0);
  return {
    'shut down by': way,
    'round trip ms': roundTripMs,
    'requests lost': total,
    'of them cut': total - refused,
    'WebSockets 1001': `${codes.filter((one) => one === 1001).length} of ${SOCKETS}`,
    exit: code ?? child.signal,
    seconds: Number((endedAt / 1_000).toFixed(1)),
  };
}

const only = process.argv[2];
const rows = [];
for (const way of WAYS.filter((name) => only === undefined || name === only)) {
  for (const roundTripMs of [0, 10]) rows.push(await measure(way, roundTripMs));
}
console.log(`${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, ${CLIENTS} clients`);
console.table(rows);
const title = `SIGTERM under ${CLIENTS} clients that POST over kept-alive connections, 10 ms away`;
const marks = [
  [0, 'SIGTERM: /ready says 503'],
  [DELAY_MS, 'the servers are closed'],
] as const;
writeFileSync(new URL('drain.svg', import.meta.url), drainPicture(tracks, title, marks));
