/**
 * One contender in one scenario, in a process of its own, for some of them crash or hang:
 * `scenario-process.ts CONTENDER SCENARIO REDIS_URL NAMESPACE` prints its result as the last line.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from '../../../test/backends.ts';
import { TcpProxy } from '../test/support/tcp-proxy.ts';
import { contenders, variants } from './contenders.ts';

const [name = '', scenario = '', url = '', namespace = ''] = process.argv.slice(2);
const HANGS_MS = 5_000;
const make = (...at: [url: string, namespace: string]) => {
  const contender = contenders[name] ?? variants[name];
  if (contender === undefined) throw new Error(`No contender ${name}`);
  return contender.make(...at);
};

/** Loads of 1,000 callers whose loader throws, and how long they took. */
async function throwing(): Promise<string> {
  const cache = await make(url, namespace);
  let loads = 0;
  const start = performance.now();
  const load = async () => {
    loads++;
    await sleep(5);
    throw new Error('database down');
  };
  await Promise.allSettled(Array.from({ length: 1_000 }, () => cache.get('k', load)));
  const ms = performance.now() - start;
  return ms > 1_000 ? `${loads} (${(ms / 1_000).toFixed(1)} s)` : String(loads);
}

/** Loads of this process, one of three, for 300 callers at the moment `go`. */
async function fleet(): Promise<string> {
  const cache = await make(url, namespace);
  await sleep(500);
  console.log('ready');
  await new Promise((resolve) => process.stdin.once('data', resolve));
  let loads = 0;
  const load = async () => {
    loads++;
    await sleep(100);
    return 1;
  };
  await Promise.all(Array.from({ length: 300 }, () => cache.get('k', load)));
  return String(loads);
}

/** What a read that began before an invalidation leaves behind: in the same process, and in Redis. */
async function inFlight(): Promise<string> {
  const [a, b] = [await make(url, namespace), await make(url, namespace)];
  let row = 'old';
  const slow = async () => {
    const seen = row;
    await sleep(200);
    return seen;
  };
  const reading = a.get('k', slow);
  await sleep(100);
  row = 'new';
  await b.invalidate('k');
  await reading;
  await sleep(100);
  const same = await a.get('k', async () => row);
  const other = await (await make(url, namespace)).get('k', async () => row);
  const told = (value: unknown) => (value === 'new' ? 'fresh' : 'stale');
  return `${told(same)}, ${told(other)}`;
}

/** Whether an invalidation made while the reader was disconnected reaches its local tier. */
async function missed(): Promise<string> {
  const network = await TcpProxy.start(Number(new URL(url).port));
  const writer = await make(url, namespace);
  const reader = await make(`redis://127.0.0.1:${network.port}`, namespace);
  await writer.get('k', async () => 'old');
  await sleep(200);
  await reader.get('k', async () => 'old');
  network.cut();
  await sleep(100);
  await writer.invalidate('k');
  await writer.get('k', async () => 'new');
  await sleep(200);
  network.heal();
  await sleep(3_000);
  return (await reader.get('k', async () => 'new')) === 'new' ? 'fresh' : 'stale';
}

/** How long the first and a later read of a cold key take while Redis is dead. */
async function dead(): Promise<string> {
  const server = await startRedis();
  const cache = await make(server.url, namespace);
  await cache.get('warm', async () => 1);
  await server.stop();
  await sleep(50);
  const timed = async (key: string) => {
    const start = performance.now();
    const hung = sleep(HANGS_MS, 'hung');
    if ((await Promise.race([cache.get(key, async () => 1), hung])) === 'hung') return 'hangs';
    return `${Math.round((performance.now() - start) * 10) / 10} ms`;
  };
  const first = await timed('cold');
  return first === 'hangs' ? first : `${first}, ${await timed('cold2')}`;
}

const scenarios: Record<string, () => Promise<string>> = {
  throwing,
  fleet,
  inFlight,
  missed,
  dead,
};
console.log(`result ${await scenarios[scenario]?.()}`);
process.exit();
