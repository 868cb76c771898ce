/**
 * One process of the soak: reads and changes keys through a cache of its region until it is told to
 * stop, and then tells what it reads of every key. The source is a Redis of its own with one counter
 * a key, which only rises: a row is its count, and every fifth one is deleted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { TieredCache } from '../../src/index.ts';
import { randomFrom } from './random.ts';

export interface SoakConfig {
  readonly namespace: string;
  readonly index: number;
  readonly region: string;
  readonly seed: number;
  readonly source: string;
  readonly urls: Readonly<Record<string, string>>;
  readonly keys: number;
}

/** To another worker: this key was changed to that version, at that place in the log. */
export interface Relay {
  readonly key: number;
  readonly version: number;
  readonly after: string;
}

export interface Report {
  readonly failures: string[];
  readonly reads: number;
  readonly writes: number;
  readonly hits: number;
  readonly degraded: number;
  readonly gaps: number;
  /** By key, at the end. */
  readonly versions: number[];
  readonly resurrected: number[];
}

interface Row {
  readonly version: number;
  readonly deleted: boolean;
}

const config: SoakConfig = JSON.parse(process.argv[2] ?? '');
const { index, keys, urls } = config;
const random = randomFrom(config.seed + index);
const pick = (n: number) => Math.floor(random() * n);
const clients: Redis[] = [];
const clientOf = (url = '') => {
  const client = new Redis(url, { socketTimeout: 1_000 });
  client.on('error', () => {});
  clients.push(client);
  return client;
};
const source = clientOf(config.source);
const { us, uk, au } = urls;
const cache = new TieredCache({
  namespace: config.namespace,
  redis: {
    master: clientOf(urls.master),
    global: clientOf(urls.global),
    regions: Object.fromEntries(
      Object.entries({ us, uk, au })
        .filter(([name]) => name === config.region)
        .map(([name, url]) => [name, clientOf(url)]),
    ),
    region: config.region,
  },
  // nothing may be healed by the end of its time
  ttlMs: 3_600_000,
  local: { ttlMs: 3_600_000 },
  leaseWaitMs: 1_000,
});

const failures: string[] = [];
let [reads, writes, degraded, gaps] = [0, 0, 0, 0];
cache.on('degraded', () => degraded++);
cache.on('gap', () => gaps++);

const rowAt = (version: number): Row => ({ version, deleted: version % 5 === 0 });
const nameOf = (key: number) => `k${key}`;
const tagsOf = (key: number) => [`t${key % 5}`];
const change = (key: number) => source.incr(nameOf(key));

async function read(key: number, after?: string): Promise<Row> {
  reads++;
  const load = async () => {
    const version = Number(await source.get(nameOf(key)));
    await sleep(random() * 20);
    return rowAt(version);
  };
  const tags = tagsOf(key);
  return await cache.get(nameOf(key), load, after === undefined ? { tags } : { tags, after });
}

async function expectAtLeast(version: number, key: number, what: string, after?: string) {
  const row = await read(key, after);
  if (row.version >= version) return;
  const { cursor, confirmed, fenced } = cache.stats();
  failures.push(
    `worker ${index}: ${what} of ${nameOf(key)}: ${row.version} < ${version} ${JSON.stringify({ cursor, confirmed, fenced, ms: Date.now() })}`,
  );
}

async function write(): Promise<void> {
  writes++;
  // a `set` of what somebody else has changed in the source meanwhile would be the application's
  // own race: one key of each worker is its own
  const how = random();
  const key = how < 0.15 ? keys - 1 - index : pick(keys - 10);
  let version: number;
  let id: string | undefined;
  if (how < 0.15) {
    version = await change(key);
    const set = cache.set(nameOf(key), rowAt(version), { tags: tagsOf(key) });
    id = (await set.catch(() => undefined))?.id;
  } else if (how < 0.3) {
    const write = async () => rowAt(await change(key));
    const written = await cache.writeThrough(nameOf(key), write, { tags: tagsOf(key) });
    version = written.value.version;
    id = written.id;
  } else {
    version = await change(key);
    if (how < 0.45) id = (await cache.invalidateTags(tagsOf(key))).id;
    else if (how < 0.47) id = (await cache.clear()).id;
    else id = (await cache.invalidate(nameOf(key))).id;
  }
  await expectAtLeast(version, key, `own write (${how}, ${id})`);
  if (id !== undefined) process.send?.({ key, version, after: id } satisfies Relay);
}

let running = true;
process.on('message', (message: Relay | 'stop' | 'report') => {
  if (message === 'stop') running = false;
  else if (message === 'report') void report();
  else void expectAtLeast(message.version, message.key, `after ${message.after}`, message.after);
});

async function loop(step: () => Promise<unknown>, pauseMs: number): Promise<void> {
  while (running) {
    await step();
    await sleep(random() * pauseMs);
  }
}

async function report(): Promise<void> {
  const rows: Row[] = [];
  for (let key = 0; key < keys; key++) rows.push(await read(key));
  const versions = rows.map(({ version }) => version);
  const resurrected: number[] = [];
  for (const [key, row] of rows.entries()) {
    const truth = Number(await source.get(nameOf(key)));
    if (!row.deleted && rowAt(truth).deleted) resurrected.push(key);
  }
  const { hits } = cache.stats();
  const said: Report = { failures, reads, writes, hits, degraded, gaps, versions, resurrected };
  process.send?.(said);
  await cache.close();
  for (const client of clients) client.disconnect();
  process.disconnect?.();
}

await read(0);
process.send?.('ready');
const quiet = Promise.all([
  ...[1, 2].map(() => loop(() => Promise.all([1, 2, 3].map(() => read(pick(keys)))), 20)),
  loop(write, 120),
]);
quiet.then(
  async () => {
    // the end of the writes: all of them are delivered, and near is heard again
    while (cache.stats().undelivered > 0 || !cache.stats().confirmed) await sleep(20);
    process.send?.('quiet');
  },
  (error: Error) => {
    failures.push(`worker ${index}: ${error.stack}`);
    process.send?.('quiet');
  },
);
