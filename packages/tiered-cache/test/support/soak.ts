import { type ChildProcess, fork } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startRedis, uniqueName } from '../../../../test/backends.ts';
import { randomFrom } from './random.ts';
import type { Relay, Report, SoakConfig } from './soak-worker.ts';
import { REGIONS, World } from './world.ts';

const HOP_MS = 75;
const KEYS = 40;
const WORKERS_A_REGION = 2;
const QUIET_MS = 5_000;

export interface SoakResult extends Omit<Report, 'versions' | 'resurrected'> {
  readonly pairs: number;
  readonly stale: string[];
  readonly resurrected: number[];
  readonly faults: Readonly<Record<string, number>>;
}

/**
 * A chain of five Redis with 75 ms a hop and two processes a region that read and change at random,
 * while links are cut or go silent, servers freeze, replicas come back empty, and the master does.
 * Then everything is healed; after 5 s of quiet each process reads each key.
 */
export async function soak(seconds: number, seed: number): Promise<SoakResult> {
  await using world = await World.start(HOP_MS);
  await using sourceServer = await startRedis();
  const source = new Redis(sourceServer.url);
  const random = randomFrom(seed);
  const workers = startWorkers(world, sourceServer.url, seed);
  const each = (test: (message: unknown) => boolean) =>
    Promise.all(workers.map((worker) => told(worker, test)));
  try {
    await each((message) => message === 'ready');
    for (const worker of workers) {
      worker.on('message', (message: Partial<Relay>) => {
        if (message.after === undefined) return;
        const other = workers[Math.floor(random() * workers.length)];
        if (other?.connected) other.send(message as Relay, () => {});
      });
    }
    const faults = await hurt(world, random, performance.now() + seconds * 1_000);
    const quiet = each((message) => message === 'quiet');
    for (const worker of workers) worker.send('stop');
    await quiet;
    await sleep(QUIET_MS);
    const reports = each((message) => typeof (message as Report).reads === 'number');
    for (const worker of workers) worker.send('report');
    const all = (await reports) as Report[];
    const truth = await source.mget(Array.from({ length: KEYS }, (_, key) => `k${key}`));
    const stale = all.flatMap(({ versions }, worker) =>
      versions.flatMap((version, key) =>
        version === Number(truth[key])
          ? []
          : [`worker ${worker}: k${key} is ${version}, should be ${Number(truth[key])}`],
      ),
    );
    const sum = (of: (report: Report) => number) => all.reduce((n, one) => n + of(one), 0);
    return {
      pairs: KEYS * workers.length,
      stale,
      resurrected: all.flatMap((one) => one.resurrected),
      failures: all.flatMap((one) => one.failures),
      reads: sum((one) => one.reads),
      writes: sum((one) => one.writes),
      hits: sum((one) => one.hits),
      degraded: sum((one) => one.degraded),
      gaps: sum((one) => one.gaps),
      faults,
    };
  } finally {
    for (const worker of workers) worker.kill('SIGKILL');
    source.disconnect();
  }
}

function startWorkers(world: World, source: string, seed: number): ChildProcess[] {
  const urls = Object.fromEntries(
    Object.entries(world.servers).map(([name, server]) => [name, server.url]),
  );
  const base = { namespace: uniqueName('soak'), seed, source, urls, keys: KEYS };
  const regions = REGIONS.flatMap((region) => Array<string>(WORKERS_A_REGION).fill(region));
  return regions.map((region, index) => {
    const config: SoakConfig = { ...base, region, index };
    return fork(join(import.meta.dirname, 'soak-worker.ts'), [JSON.stringify(config)], {
      execArgv: ['--conditions=@evenkeel/source', '--import', 'tsx'],
    });
  });
}

function told(worker: ChildProcess, is: (message: unknown) => boolean): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.on('message', (message) => is(message) && resolve(message));
    worker.once('exit', (code) => reject(new Error(`A worker ended with ${code}`)));
  });
}

/** One fault after another, each healed before the next; the master comes back empty once, half-way. */
async function hurt(world: World, random: () => number, end: number) {
  const count: Record<string, number> = {};
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const between = (least: number, most: number) => least + random() * (most - least);
  const replicas = [world.global, ...Object.values(world.regions)];
  const wait = (ms: number) => sleep(Math.max(0, Math.min(ms, end - performance.now())));
  const faults: Record<string, () => Promise<void>> = {
    cut: async () => {
      const hop = pick(world.hops);
      hop.cut();
      await wait(between(200, 3_000));
      hop.heal();
    },
    'half-open': async () => {
      const hop = pick(world.hops);
      hop.stall();
      await wait(random() < 0.3 ? 10_000 : between(500, 4_000));
      hop.heal();
    },
    frozen: async () => {
      const server = pick(replicas);
      server.pause();
      await wait(between(500, 4_000));
      server.resume();
    },
    'full resync': async () => {
      const server = pick(Object.values(world.regions));
      await server.kill();
      await rm(join(server.folder, 'dump.rdb'), { force: true });
      await server.restart();
    },
  };
  const emptied = performance.now() + (end - performance.now()) / 2;
  while (performance.now() < end) {
    await wait(between(200, 1_200));
    let name = pick(Object.keys(faults));
    if (performance.now() > emptied && count['empty master'] === undefined) {
      name = 'empty master';
      await world.master.kill();
      await wait(between(100, 1_500));
      await world.master.restart();
    } else await faults[name]?.();
    count[name] = (count[name] ?? 0) + 1;
  }
  return count;
}
