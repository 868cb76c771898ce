/** The table of the README: what each cache costs, and what it does when things go wrong. */
import { spawn } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startRedis } from '../../../test/backends.ts';
import { contenders, ON_IOREDIS_6 } from './contenders.ts';
import { localHits, propagation, redisHits } from './hot-path.ts';

const LIMIT_MS = 30_000;
const file = join(import.meta.dirname, 'scenario-process.ts');
let names = 0;

interface Run {
  readonly ready: Promise<unknown>;
  readonly result: Promise<string>;
  go(): void;
}

function start(contender: string, scenario: string, url: string, namespace: string): Run {
  const child = spawn(
    process.execPath,
    ['--conditions=@evenkeel/source', '--import', 'tsx', file, contender, scenario, url, namespace],
    { stdio: ['pipe', 'pipe', 'ignore'] },
  );
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  let result = 'process crash';
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      if (line === 'ready') resolve();
      if (line.startsWith('result ')) result = line.slice(7);
    });
    child.once('exit', () => resolve());
  });
  return {
    ready,
    result: new Promise((resolve) => {
      child.once('close', (_, signal) => {
        clearTimeout(timer);
        resolve(signal === 'SIGKILL' ? 'hangs' : result);
      });
    }),
    go: () => child.stdin.end('go\n'),
  };
}

const run = (contender: string, scenario: string, url: string) =>
  start(contender, scenario, url, `bench${++names}`).result;

async function fleet(contender: string, url: string): Promise<string> {
  const namespace = `bench${++names}`;
  const three = [1, 2, 3].map(() => start(contender, 'fleet', url, namespace));
  await Promise.all(three.map((one) => one.ready));
  for (const one of three) one.go();
  const loads = await Promise.all(three.map((one) => one.result));
  return String(loads.reduce((sum, each) => sum + Number(each), 0));
}

await using server = await startRedis();
const { url } = server;
console.log(
  `${cpus().length} cores, Node ${process.versions.node}, ${process.platform}, Redis ${server.version}\n`,
);

const hits = await localHits(url, `bench${++names}`);
const fastest = hits.get('layered-loader 16.1') as number;
console.log(
  '| | local hit, ns (of layered-loader) | 1,000 callers, loader throws: loads | 3 processes x 300 callers: loads | load in flight while invalidated: local, Redis | invalidated while cut off | Redis dead: cold key, next |',
);
console.log('|---|---|---|---|---|---|---|');
for (const name of Object.keys(contenders)) {
  const ns = hits.get(name) as number;
  const row = [
    name,
    `${Math.round(ns)} (${(ns / fastest).toFixed(2)} x)`,
    await run(name, 'throwing', url),
    await fleet(name, url),
    await run(name, 'inFlight', url),
    await run(name, 'missed', url),
    await run(name, 'dead', url),
  ];
  console.log(`| ${row.join(' | ')} |`);
}

console.log(
  `\nRedis dead, with ioredis 6: cold key, next: ${await run(ON_IOREDIS_6, 'dead', url)}`,
);
const { raw, cached } = await redisHits(url, `bench${++names}`);
console.log(
  `Redis hit, 64 at a time: ${Math.round(cached)} reads/s, ${(cached / raw).toFixed(2)} x of ioredis GET + JSON.parse (${Math.round(raw)}/s)`,
);
const { p50, p99 } = await propagation(url, `bench${++names}`);
console.log(
  `An invalidation is heard by another cache after ${p50.toFixed(2)} ms (p50), ${p99.toFixed(2)} ms (p99)`,
);
process.exit();
