import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { parseOptions, StartError } from '../launcher/options.ts';
import { claimPort, freePort } from '../launcher/ports.ts';
import { Run } from './run.ts';

/** Nothing is started before these are found out, so they end within moments and leave nothing. */
async function failureOf(args: string[]): Promise<string> {
  const run = new Run('start.ts', args);
  expect(await run.end()).toBe(1);
  expect(run.output.trim().split('\n')).toHaveLength(1);
  return run.output;
}

it('gives no port to two processes, and none that an outgoing connection may have when one starts again', async () => {
  const ports = [];
  for (let round = 0; round < 20; round += 1) {
    ports.push(...(await Promise.all(Array.from({ length: 10 }, () => freePort()))));
  }
  ports.push(await claimPort(0));
  expect(new Set(ports).size).toBe(201);
  expect(Math.max(...ports)).toBeLessThan(32_768);
});

describe('npm start', { timeout: 30_000 }, () => {
  it('explains itself', async () => {
    const run = new Run('start.ts', ['--help']);
    expect(await run.end()).toBe(0);
    for (const option of ['--port', '--psp-latency-ms', '--no-first-ticket', '--once']) {
      expect(run.output).toContain(option);
    }
  });

  it('says in one line that the port is in use, and what to do', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const output = await failureOf(['--port', String(port)]);
    expect(output).toContain(`Port ${port} is in use`);
    expect(output).toContain(`--port ${port + 1}`);
    server.close();
  });

  it('says in one line which option it does not know', async () => {
    const output = await failureOf(['--prot', '8081']);
    expect(output).toContain("'--prot'");
    expect(output).toContain('--help');
  });

  it.each([
    [['--port', 'http']],
    [['--port', '70000']],
    [['--port', '80.5']],
    [['--psp-latency-ms', '-1']],
    [['--psp-error-rate', '2']],
    [['--once', '--no-first-ticket']],
    [['stray']],
  ])('refuses %j', (args) => {
    expect(() => parseOptions(args)).toThrow(StartError);
  });
});

describe('a service of its own', { timeout: 30_000 }, () => {
  const bare = { PATH: process.env.PATH, REDIS_URL: '', DATABASE_URL: '', KAFKA_BROKERS: '' };

  it('ends with code 78 and names everything that its environment lacks', async () => {
    const run = new Run('services/main.ts', ['gateway'], bare);
    expect(await run.end()).toBe(78);
    for (const name of ['REDIS_URL', 'DATABASE_URL', 'KAFKA_BROKERS', 'ACCESS_TOKEN_SECRET']) {
      expect(run.output).toContain(`${name} is not set`);
    }
  });

  it('ends with code 78 when there is no such service', async () => {
    const run = new Run('services/main.ts', ['gatewya'], bare);
    expect(await run.end()).toBe(78);
    expect(run.output).toContain('all | migrate | keys, got "gatewya"');
  });

  it('prints secrets that a deployment can start with', async () => {
    const run = new Run('services/main.ts', ['keys'], bare);
    expect(await run.end()).toBe(0);
    expect(run.output).toMatch(
      /^ACCESS_TOKEN_SECRET=[\w-]{43}\nPSP_WEBHOOK_SECRET=[\w-]{43}\nTICKET_PRIVATE_KEY=[\w+/=]{64}\nTICKET_PUBLIC_KEY=[\w+/=]{60}\n$/,
    );
  });
});
