import { expect, it } from 'vitest';
import { StartError } from '../launcher/options.ts';
import { bytesFor } from '../load/options.ts';
import { checkMemory, checkTracking, selfCheck, slowDriver } from '../load/self-check.ts';

it('says how many users fit where the kernel tracks connections, and what to change', () => {
  const check = (users: number, most: number, now: number) => () =>
    checkTracking(users, { most, now });
  expect(check(300_000, 262_144, 12)).toThrow(StartError);
  expect(check(300_000, 262_144, 12)).toThrow(
    'tracks at most 262144 connections here and drops what is more; 300000 users need 310000: run `sysctl -w net.netfilter.nf_conntrack_max=620000` first, or take --users 252144.',
  );
  expect(check(150_000, 262_144, 12)).not.toThrow();
  // a kernel that tracks nothing has no such file, or counts nothing
  expect(check(300_000, 0, 0)).not.toThrow();
});

it('says how much memory is missing, and what to change', () => {
  const check = (users: number, bytes: number) => () => checkMemory(users, bytes);
  expect(check(150_000, 4 * 2 ** 30)).toThrow(StartError);
  expect(check(150_000, 4 * 2 ** 30)).toThrow(
    "4.0 GiB of memory are free here; 150000 users need 5.6: end other programs or raise the container's limit, or take --users 71493.",
  );
  expect(check(71_493, 4 * 2 ** 30)).not.toThrow();
  expect(check(71_494, 4 * 2 ** 30)).toThrow('--users 71493.');
  // less than the shop and its servers need by themselves: no number of users helps
  expect(check(1, 2 ** 30)).toThrow(
    /1 users need 2\.5: end other programs or raise the container's limit\.$/,
  );
  expect(check(150_000, bytesFor(150_000))).not.toThrow();
});

it('says what to change where the driver is slow', () => {
  expect(slowDriver(2_999)).toContain('2999 requests/s');
  expect(slowDriver(2_999)).toContain('End what else runs here');
  expect(slowDriver(3_000)).toBeUndefined();
});

it('asks this machine', async () => {
  const said: string[] = [];
  const progress = { line: (text: string) => said.push(text) };
  const { openFiles, freeBytes, driverPerSecond } = await selfCheck(100, progress as never);
  expect(Math.min(openFiles, freeBytes, driverPerSecond)).toBeGreaterThan(0);
  expect(said.join()).toMatch(/^self-check: \d+ open files a process/);
});
