/** How `npm run proof` ends when it cannot go on: in a clear line, with everything stopped and what is known kept. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ServiceProcess } from '../launcher/service-process.ts';
import { Fleet } from '../load/fleet.ts';
import type { Report } from '../load/report.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** Processes that have `mark` in their environment, which all inherit from the one that a test has started. */
function marked(mark: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark);
    } catch {
      return false; // it has ended, or is somebody else's
    }
  });
}

async function proof(args: string[], env: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'proof-'));
  folders.push(folder);
  const main = new URL('../load/main.ts', import.meta.url).pathname;
  const flags = ['--conditions=@evenkeel/source', '--import', 'tsx'];
  const files = ['--json', join(folder, 'proof.json'), '--html', join(folder, 'proof.html')];
  const mark = `PROOF_OF=${folder}`;
  const child = spawn(process.execPath, [...flags, main, ...files, ...args], {
    env: { ...process.env, PROOF_OF: folder, ...env },
  });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const report = async () =>
    JSON.parse(await readFile(join(folder, 'proof.json'), 'utf8')) as Report;
  const page = () => readFile(join(folder, 'proof.html'), 'utf8');
  return { child, code, report, page, output: () => output, left: () => marked(mark) };
}

/** The shop may take 90 s to be ready, and starts beside other tests here. */
const saysWithinMs = 120_000;

async function says(running: { child: ChildProcess; output: () => string }, text: string) {
  await expect.poll(running.output, { timeout: saysWithinMs, interval: 50 }).toContain(text);
}

/** A server that takes connections and never says a word, until `close`. */
async function silent() {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port, close };
}

describe('the fleet of the proof', () => {
  const { signal } = new AbortController();

  it('gives up on a service that never comes up, in one line, and leaves none behind', async () => {
    const { port, close } = await silent();
    const env = {
      REDIS_URL: `redis://127.0.0.1:${port}`,
      DATABASE_URL: `postgres://127.0.0.1:${port}/none`,
      KAFKA_BROKERS: `127.0.0.1:${port}`,
      FLEET_OF: `never-${port}`,
    };
    const starting = Fleet.start({ env, fronts: 1, workers: 0, readyWithinMs: 10_000 }, signal);
    await expect(starting).rejects.toThrow(/^front-\d was not ready after 10 s\./);
    close();
    expect(marked(`FLEET_OF=never-${port}`)).toEqual([]);
  }, 60_000);

  it('names the port that somebody else has', async () => {
    const { port, close } = await silent();
    const stranger = new ServiceProcess({
      name: 'mail',
      services: ['fake-mail'],
      env: { FAKE_MAIL_PORT: String(port), HOST: '127.0.0.1' },
    });
    stranger.start();
    const failure = () => {
      try {
        stranger.assertAlive();
        return 'none yet';
      } catch (error) {
        return (error as Error).message;
      }
    };
    const words = new RegExp(`^mail ended with exit code 1:[^]*EADDRINUSE[^]*${port}`);
    await expect.poll(failure, { timeout: 60_000 }).toMatch(words);
    await stranger.stop();
    close();
  }, 90_000);
});

describe('npm run proof', () => {
  it('refuses a crowd of nobody in one line', async () => {
    const running = await proof(['--users', '0']);
    expect(await running.code).toBe(1);
    expect(running.output()).toBe(
      'Expected `--users` to be a whole number from 1 to 1000000, got "0".\n',
    );
  });

  it.each([
    ['the servers start', 'self-check'],
    ['the shop starts', '✓ Redis, PostgreSQL and Kafka'],
    ['a crowd waits', '✓ 300 users connect'],
  ])(
    'stops everything at Ctrl-C while %s and reports what it knows, as partial',
    async (_when, said) => {
      const running = await proof(['--users', '300', '--short', '--only', 'crowd', '--seed', '3']);
      await says(running, said);
      running.child.kill('SIGINT');
      expect(await running.code).toBe(130);
      expect(running.output()).toContain('PARTIAL');
      expect(await running.report()).toMatchObject({ isComplete: false, seed: 3 });
      expect(await running.page()).toContain('PARTIAL');
      expect(running.left()).toEqual([]);
    },
    saysWithinMs + 30_000,
  );

  it('stops everything when a service cannot run, says why, and reports as partial', async () => {
    const args = ['--users', '300', '--short', '--only', 'sale,crowd'];
    const running = await proof(args, { SEATS_PER_BUYER: 'many' });
    expect(await running.code).toBe(1);
    expect(running.output()).toMatch(/Why: sale: front-\d+ ended with exit code 78:/);
    expect(running.output()).toContain('SEATS_PER_BUYER');
    expect(running.output()).not.toMatch(/^ +at .*:\d+:\d+/m);
    const report = await running.report();
    expect(report).toMatchObject({ isComplete: false, scenarios: [] });
    expect(report.failure).toContain('SEATS_PER_BUYER');
    expect(await running.page()).toContain('PARTIAL');
    expect(running.left()).toEqual([]);
  }, 90_000);
});
