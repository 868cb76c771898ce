import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { backends, uniqueName } from '../../../test/backends.ts';
import { sellFirstTicket } from '../launcher/first-ticket.ts';
import { freePort } from '../launcher/ports.ts';
import { firstNight } from '../services/catalog/seed.ts';
import { generateTicketKeys } from '../services/tickets/ticket-code.ts';
import { isAlive, Run } from './run.ts';

const name = uniqueName('start');
const runs: Run[] = [];
afterEach(async () => {
  for (const run of runs.splice(0)) run.kill('SIGKILL');
  await ownDatabase('drop database if exists', 'with (force)');
});

async function ownDatabase(command: string, suffix = ''): Promise<string> {
  const { databaseUrl } = backends();
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(`${command} ${name} ${suffix}`);
  await client.end();
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function start(args: string[], env: Record<string, string> = {}): Promise<Run> {
  const DATABASE_URL = await ownDatabase('create database');
  const options = ['--port', '0', '--psp-latency-ms', '200', ...args];
  const run = new Run('start.ts', options, { DATABASE_URL, NAMESPACE: name, ...env });
  runs.push(run);
  return run;
}

/** A process that has been told to go may take a moment to be gone. */
async function expectGone(pids: number[]): Promise<void> {
  await expect.poll(() => pids.filter(isAlive)).toEqual([]);
}

function commandsOf(pids: number[]): { pid: number; command: string }[] {
  const lines = execFileSync('ps', ['-o', 'pid=,args=', '-p', pids.join(',')], {
    encoding: 'utf8',
  });
  return lines
    .trim()
    .split('\n')
    .map((line) => ({ pid: Number.parseInt(line, 10), command: line.trim() }));
}

const urlsOf = ({ output }: Run) => output.match(/http:\/\/127\.0\.0\.1:\d+/g) ?? [];

describe('all services in one process', () => {
  it('sell a ticket with an environment and nothing else, and end on SIGTERM with 0', async () => {
    const { redisUrl, kafkaBrokers } = backends();
    const [GATEWAY_PORT, FAKE_PSP_PORT] = await Promise.all([freePort(), freePort()]);
    const { privateKey, publicKey } = generateTicketKeys();
    const run = new Run('services/main.ts', ['all'], {
      REDIS_URL: redisUrl,
      KAFKA_BROKERS: kafkaBrokers,
      DATABASE_URL: await ownDatabase('create database'),
      NAMESPACE: name,
      GATEWAY_PORT: String(GATEWAY_PORT),
      FAKE_PSP_PORT: String(FAKE_PSP_PORT),
      ACCESS_TOKEN_SECRET: 'x'.repeat(32),
      TICKET_PRIVATE_KEY: privateKey,
      TICKET_PUBLIC_KEY: publicKey,
      PSP_LATENCY_MS: '50',
      LINGER_MS: '100',
    });
    runs.push(run);
    await run.says('is up');
    const { order } = await sellFirstTicket(`http://127.0.0.1:${GATEWAY_PORT}`, firstNight.slug);
    expect(order.state).toBe('paid');
    for (const port of [GATEWAY_PORT, FAKE_PSP_PORT]) {
      expect((await fetch(`http://127.0.0.1:${port}/ready`)).status).toBe(200);
    }
    run.kill('SIGTERM');
    expect(await run.end()).toBe(0);
  });
});

describe('npm start on real servers', () => {
  it('sells a first ticket, prints its receipt, and Ctrl-C leaves nothing running', async () => {
    const run = await start([]);
    await run.says('Ctrl-C stops everything.');
    for (const line of ['Northern Lights', 'hold K-1 and K-2', 'order accepted (202)', 'paid']) {
      expect(run.output).toContain(line);
    }
    const [shop = ''] = urlsOf(run);
    expect((await fetch(`${shop}/ready`)).status).toBe(200);
    expect((await fetch(shop)).headers.get('content-type')).toContain('text/html');

    const children = run.children();
    expect(children.length).toBeGreaterThanOrEqual(3);
    run.kill('SIGINT');
    expect(await run.end()).toBe(0);
    await expectGone(children);
    for (const url of new Set(urlsOf(run))) await expect(fetch(url)).rejects.toThrow();
  });

  it('stops everything when Ctrl-C comes while it is still starting, and does not say 0', async () => {
    const run = await start([]);
    await expect.poll(() => run.children().length, { timeout: 30_000, interval: 50 }).toBe(3);
    const children = run.children();
    run.kill('SIGINT');
    expect(await run.end()).toBe(130);
    expect(run.output).toContain('Interrupted.');
    await expectGone(children);
  });

  it('leaves no service behind when it is killed itself', async () => {
    const run = await start(['--no-first-ticket']);
    await run.says('Ctrl-C stops everything.');
    const children = run.children();
    run.kill('SIGKILL');
    await run.end();
    await expectGone(children);
  });

  it('starts a service again that has crashed, and the shop goes on selling', async () => {
    const run = await start(['--no-first-ticket']);
    await run.says('Ctrl-C stops everything.');
    const before = run.children();
    for (const pid of before) process.kill(pid, 'SIGKILL');
    await run.says('gateway ended (SIGKILL), starts again');
    const [shop = ''] = urlsOf(run);
    const isReady = () =>
      fetch(`${shop}/ready`).then(
        ({ status }) => status,
        () => 0,
      );
    await expect.poll(isReady, { timeout: 30_000 }).toBe(200);
    run.kill('SIGINT');
    expect(await run.end()).toBe(0);
  });

  it('runs the full topology: one of each service is killed, and the shop goes on selling', {
    timeout: 240_000,
  }, async () => {
    const run = await start(['--full', '--no-first-ticket']);
    await run.says('Ctrl-C stops everything.');
    expect(run.output).toContain('master -> global -> us, uk, au');
    expect(run.output).toContain('primary -> streaming replica');
    const [shop = ''] = urlsOf(run);
    const children = run.children();
    const killed = new Set<string>();
    for (const { pid, command } of commandsOf(children)) {
      const service = /main\.mjs (?!fake)(\w+)$/.exec(command)?.[1];
      if (service === undefined || killed.has(service)) continue;
      killed.add(service);
      process.kill(pid, 'SIGKILL');
    }
    expect([...killed].sort()).toEqual([
      'auth',
      'catalog',
      'gateway',
      'inventory',
      'notifications',
      'orders',
      'payments',
    ]);
    // a call that was on its way to one of them may fail; the next one does not
    await expect
      .poll(
        () =>
          sellFirstTicket(shop, firstNight.slug).then(
            ({ order }) => order.state,
            (error) => String(error),
          ),
        { timeout: 30_000 },
      )
      .toBe('paid');
    run.kill('SIGINT');
    expect(await run.end()).toBe(0);
    await expectGone(children);
  });

  it('says what is wrong with the environment, ends with 1 and leaves nothing running', async () => {
    const run = await start([], { HOLD_TTL_MS: 'soon' });
    await expect.poll(() => run.children().length, { timeout: 30_000, interval: 20 }).toBe(3);
    const children = run.children();
    expect(await run.end()).toBe(1);
    expect(run.output).toContain('HOLD_TTL_MS: ');
    await expectGone(children);
  });

  it('says in one line that there is no Redis, and nothing to install it with, and ends with 1', async () => {
    const PATH = await mkdtemp(join(tmpdir(), 'no-programs-'));
    onTestFinished(() => rm(PATH, { recursive: true }));
    const run = await start([], { PATH, BACKENDS: 'native', REDIS_URL: '' });
    expect(await run.end()).toBe(1);
    expect(run.output.split('\n')).toContain(
      'Redis is not installed, and there is no apt-get, dnf, apk or brew to install it. Install it, or start Docker, or set REDIS_URL.',
    );
  });
});
