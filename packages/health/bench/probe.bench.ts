/**
 * What a probe costs and what it says when the dependency hangs, ours beside a handler by hand and the libraries.
 * `node --conditions=@evenkeel/source --import tsx bench/probe.bench.ts`
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { cpus } from 'node:os';
import type { Count, Question } from './probe-server.ts';

const WAYS = [
  'node:http by hand',
  '@godaddy/terminus',
  '@fastify/under-pressure',
  '@nestjs/terminus, attempt + cache',
  '@evenkeel/health, node:http',
  '@evenkeel/health, Fastify',
];
const HITS = 3_000;
const ROUNDS = 12;
const GIVE_UP_MS = 3_000;

class Peer {
  readonly #child: ChildProcess;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1_000 });
  #port = 0;

  constructor(way: string) {
    const file = new URL('./probe-server.ts', import.meta.url).pathname;
    this.#child = fork(file, [way], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  }

  async start(): Promise<this> {
    const [{ port }] = await once(this.#child, 'message');
    this.#port = port;
    return this;
  }

  async ask(question: Question): Promise<Count> {
    const answer = once(this.#child, 'message');
    this.#child.send(question);
    return (await answer)[0] as Count;
  }

  /** The status, or undefined when nothing came in time. */
  probe(): Promise<number | undefined> {
    return new Promise((resolve) => {
      const options = { port: this.#port, host: '127.0.0.1', path: '/ready', agent: this.#agent };
      const outgoing = request(options, (response) => {
        response.resume().on('end', () => {
          clearTimeout(timer);
          resolve(response.statusCode);
        });
      });
      const timer = setTimeout(() => {
        resolve(undefined);
        outgoing.destroy();
      }, GIVE_UP_MS);
      outgoing.on('error', () => resolve(undefined)).end();
    });
  }

  stop(): void {
    this.#agent.destroy();
    this.#child.kill();
  }
}

async function hit(peer: Peer, hits: number): Promise<void> {
  let left = hits;
  const client = async () => {
    while (left-- > 0) await peer.probe();
  };
  await Promise.all(Array.from({ length: 10 }, client));
}

/** CPU of the server per hit. The peers take turns and each shows its best round: the machine is not ours alone. */
async function cpuPerHit(): Promise<Map<string, number>> {
  const peers = await Promise.all(
    WAYS.map(async (way) => [way, await new Peer(way).start()] as const),
  );
  const best = new Map<string, number>();
  for (const [, peer] of peers) await hit(peer, HITS);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [way, peer] of peers) {
      const before = await peer.ask('count');
      await hit(peer, HITS);
      const { cpuUs } = await peer.ask('count');
      const us = (cpuUs - before.cpuUs) / HITS;
      best.set(way, Math.min(best.get(way) ?? Number.POSITIVE_INFINITY, us));
    }
  }
  for (const [, peer] of peers) peer.stop();
  return best;
}

/** The slowest of three, each on a process of its own. */
async function hanging(way: string): Promise<{ first: string; hung: number }> {
  const runs = [await hang(way), await hang(way), await hang(way)];
  const ms = Math.max(...runs.map((run) => run.ms));
  const [{ status, hung }] = runs as [Hang];
  return { first: status === undefined ? 'never' : `${status} in ${ms} ms`, hung };
}

interface Hang {
  readonly status: number | undefined;
  readonly ms: number;
  readonly hung: number;
}

async function hang(way: string): Promise<Hang> {
  const peer = await new Peer(way).start();
  await peer.probe();
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await peer.ask('hang');
  const startedAt = performance.now();
  const status = await peer.probe();
  const ms = Math.round(performance.now() - startedAt);
  await Promise.all(Array.from({ length: 20 }, () => peer.probe()));
  const { running } = await peer.ask('count');
  peer.stop();
  return { status, ms, hung: running };
}

async function crowd(way: string): Promise<string> {
  const peer = await new Peer(way).start();
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await peer.ask('work 20 ms');
  await Promise.all(Array.from({ length: 1_000 }, () => peer.probe()));
  const { calls, mostAtOnce } = await peer.ask('count');
  peer.stop();
  return `${calls}, ${mostAtOnce} at once`;
}

const cpu = await cpuPerHit();
const byHand = cpu.get('node:http by hand') ?? Number.NaN;
const rows = [];
for (const way of WAYS) {
  const us = cpu.get(way) ?? Number.NaN;
  const { first, hung } = await hanging(way);
  rows.push({
    'answered by': way,
    'CPU us a hit': Math.round(us),
    'to by hand': `${(us / byHand).toFixed(2)}x`,
    'dependency hangs': first,
    'hung calls': hung,
    '1,000 probes: calls': await crowd(way),
  });
}
console.log(`${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}`);
console.table(rows);
