import { expect, it } from 'vitest';
import { StartError } from '../launcher/options.ts';
import { checkTracking, selfCheck } from '../load/self-check.ts';

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

it('asks this machine', async () => {
  const said: string[] = [];
  const progress = { line: (text: string) => said.push(text) };
  const { openFiles, freeBytes, driverPerSecond } = await selfCheck(100, progress as never);
  expect(Math.min(openFiles, freeBytes, driverPerSecond)).toBeGreaterThan(0);
  expect(said.join()).toMatch(/^self-check: \d+ open files a process/);
});
