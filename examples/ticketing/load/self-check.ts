/** Before anything starts: can this machine hold the run, and is the driver fast enough not to be what is measured. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { freemem } from 'node:os';
import { Pool } from 'undici';
import { StartError } from '../launcher/options.ts';
import { bytesFor, mostUsersOf } from './options.ts';
import { Progress } from './progress.ts';

/** a process may have so few open files, and no root can raise it: the crowd spreads over processes */
export const socketsPerProcess = 18_750;
const portsPerAddress = 28_000;
/** of the shop itself, and those that ended within the last two minutes */
const otherConnections = 10_000;

export type SelfCheck = { openFiles: number; freeBytes: number; driverPerSecond: number };

/** @throws StartError that says what to change */
export async function selfCheck(users: number, progress = new Progress()): Promise<SelfCheck> {
  const openFiles = limitOfOpenFiles();
  const perProcess = Math.min(users, socketsPerProcess);
  const needed = Math.max(1_024, Math.ceil(perProcess * 1.06) + 100);
  if (openFiles < needed) {
    throw new StartError(
      `A process may open ${openFiles} files here; ${users} users need ${needed}: run \`ulimit -n ${needed}\` first, or take --users ${Math.max(1, Math.floor((openFiles - 100) / 1.06))}.`,
    );
  }
  const [from = 32_768, to = 60_999] = read('/proc/sys/net/ipv4/ip_local_port_range')
    .split(/\s+/)
    .map(Number);
  if (to - from < portsPerAddress / 2) {
    throw new StartError(
      `Only ${to - from} local ports: run \`sysctl -w net.ipv4.ip_local_port_range="32768 60999"\`.`,
    );
  }
  const netfilter = '/proc/sys/net/netfilter/nf_conntrack_';
  checkTracking(users, {
    most: Number(read(`${netfilter}max`)),
    now: Number(read(`${netfilter}count`)),
  });
  const freeBytes = availableBytes();
  checkMemory(users, freeBytes);
  const driverPerSecond = await driverSpeed();
  const gib = (freeBytes / 2 ** 30).toFixed(1);
  progress.line(
    `self-check: ${openFiles} open files a process, ${to - from} ports an address, ${gib} GiB free, driver ${driverPerSecond} requests/s against an empty server`,
  );
  const slow = slowDriver(driverPerSecond);
  if (slow) progress.line(`self-check: ${slow}`);
  return { openFiles, freeBytes, driverPerSecond };
}

/** An idle machine of two cores makes several times as many against an empty server. */
const busyBelowPerSecond = 3_000;

/** What to know and to change where the driver is slow; undefined where it is not. */
export const slowDriver = (perSecond: number): string | undefined =>
  perSecond < busyBelowPerSecond
    ? `the machine was busy with other things, or is slow (${perSecond} requests/s against an empty server, of ${busyBelowPerSecond}): latencies say more about that than about the shop. End what else runs here, or take a machine with faster cores`
    : undefined;

/**
 * `totalmem` is asked as the options are read; what is free now is what counts.
 * @throws StartError
 */
export function checkMemory(users: number, availableBytes: number): void {
  const needed = bytesFor(users);
  if (availableBytes >= needed) return;
  const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(1);
  const most = mostUsersOf(availableBytes);
  const fewer = most > 0 ? `, or take --users ${most}` : '';
  throw new StartError(
    `${gib(availableBytes)} GiB of memory are free here; ${users} users need ${gib(needed)}: end other programs or raise the container's limit${fewer}.`,
  );
}

/**
 * A kernel that tracks connections, as it does for Docker's sake, drops what is above its limit without a word: whoever comes then
 * waits for two minutes.
 * @throws StartError
 */
export function checkTracking(users: number, tracked: { most: number; now: number }): void {
  const needed = users + otherConnections;
  if (tracked.now === 0 || tracked.most >= needed) return;
  throw new StartError(
    `The kernel tracks at most ${tracked.most} connections here and drops what is more; ${users} users need ${needed}: run \`sysctl -w net.netfilter.nf_conntrack_max=${2 * needed}\` first, or take --users ${Math.max(1, tracked.most - otherConnections)}.`,
  );
}

function limitOfOpenFiles(): number {
  const line = read('/proc/self/limits')
    .split('\n')
    .find((text) => text.startsWith('Max open files'));
  return Number(line?.split(/\s+/)[3] ?? 1_048_576);
}

/** What programs may still take, caches included, and no more than the container's limit leaves. */
function availableBytes(): number {
  const kib = /MemAvailable:\s+(\d+)/.exec(read('/proc/meminfo'))?.[1];
  return Math.min(kib ? Number(kib) * 1024 : freemem(), process.availableMemory());
}

/** Requests a second that the driver alone can make, server included: the ceiling of every figure of this run. */
async function driverSpeed(): Promise<number> {
  const server = createServer((_request, response) => response.end('{}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 32 });
  const until = performance.now() + 700;
  let done = 0;
  const lane = async () => {
    while (performance.now() < until) {
      await (await pool.request({ method: 'GET', path: '/' })).body.dump();
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: 32 }, lane));
  await pool.close();
  await new Promise((resolve) => server.close(resolve));
  return Math.round(done / 0.7);
}

/** Empty where there is no /proc. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
