/** The bounded form of `npm run proof`: 5,000 users, and what can break within a minute. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Claim } from '../load/claims.ts';
import { Progress } from '../load/progress.ts';
import type { Report } from '../load/report.ts';
import type { ScenarioResult } from '../load/result.ts';
import { chaosScenario } from '../load/scenarios/chaos.ts';
import { crowdScenario } from '../load/scenarios/crowd.ts';
import { Stage } from '../load/stage.ts';

const users = 5_000;
/** those whose end does not wait for a process to start; the nightly run has all */
const faults = [
  'slow-provider',
  'dead-mail',
  'flushall',
  'redis-replaced',
  'redis-frozen',
  'postgres-restarted',
  'kafka-frozen',
  'zone-lost',
];

let stage: Stage | undefined;
const folders: string[] = [];
afterEach(async () => {
  await stage?.stop();
  stage = undefined;
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function proof(...args: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'proof-'));
  folders.push(folder);
  const main = new URL('../load/main.ts', import.meta.url).pathname;
  const flags = ['--conditions=@evenkeel/source', '--import', 'tsx'];
  const files = ['--json', join(folder, 'proof.json'), '--html', join(folder, 'proof.html')];
  const child = spawn(process.execPath, [...flags, main, ...files, ...args]);
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, code, folder, output: () => output };
}

async function says(running: { child: ChildProcess; output: () => string }, text: string) {
  await expect.poll(running.output, { timeout: 60_000, interval: 50 }).toContain(text);
}

/** What a machine that others use cannot spoil: no times, only what is true. */
function broken({ claims }: ScenarioResult, ...timed: string[]): Claim[] {
  return claims.filter((one) => !one.held && !timed.some((text) => one.claim.includes(text)));
}

describe('npm run proof', () => {
  it('refuses a crowd of nobody in one line', async () => {
    const running = await proof('--users', '0');
    expect(await running.code).toBe(1);
    expect(running.output()).toBe(
      'Expected `--users` to be a whole number from 1 to 1000000, got "0".\n',
    );
  });

  it('stops everything at Ctrl-C and reports what it knows, as partial', async () => {
    const running = await proof('--users', '300', '--short', '--only', 'sale', '--seed', '3');
    await says(running, 'Redis, PostgreSQL and Kafka');
    running.child.kill('SIGINT');
    expect(await running.code).toBe(130);
    expect(running.output()).toContain('PARTIAL');
    const report = JSON.parse(await readFile(join(running.folder, 'proof.json'), 'utf8')) as Report;
    expect(report).toMatchObject({ isComplete: false, seed: 3, scenarios: [] });
    expect(await readFile(join(running.folder, 'proof.html'), 'utf8')).toContain('PARTIAL');
  }, 90_000);

  it('holds 5,000 users, and what it promises while everything breaks', async () => {
    const { signal } = new AbortController();
    const progress = new Progress();
    stage = await Stage.start({
      progress,
      signal,
      seed: 11,
      verbose: false,
      fronts: 2,
      sockets: 1,
    });
    const crowd = await crowdScenario(stage, {
      users,
      joinsPerSecond: 1_000,
      slackMs: 6_000,
      keptMs: 3_000,
      readsPerSecond: 10,
    });
    // of few users the memory is mostly the collector's mood; the claim is about 150,000
    const spoiled = ['last one told', 'API answers', 'wrong answers', 'server memory'];
    expect(broken(crowd, ...spoiled)).toEqual([]);
    const chaos = await chaosScenario(stage, {
      only: faults,
      readsPerSecond: 20,
      buyersPerSecond: 4,
      faultMs: 2_500,
      calmMs: 1_500,
    });
    expect(broken(chaos, 'requests answered', 'price change')).toEqual([]);
    const { wrong, ok } = stage.recorder.total().counts;
    expect(wrong / ok).toBeLessThan(0.01);
    expect(chaos.notes[0]).toContain(`${faults.length} faults`);
  }, 300_000);
});
