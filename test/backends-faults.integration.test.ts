import { execFile } from 'node:child_process';
import { chmod, cp, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { freePort } from './backends/free-port.ts';
import { java } from './backends/java.ts';
import { kafkaJars } from './backends/kafka-jars.ts';
import { requireProgram } from './backends/system-package.ts';
import {
  AddressInUseError,
  BackendError,
  startBackends,
  startPostgres,
  startRedis,
} from './backends.ts';

const variables = {
  redis: ['REDIS_URL', (port: number) => `redis://127.0.0.1:${port}`],
  postgres: ['DATABASE_URL', (port: number) => `postgres://me:secret@127.0.0.1:${port}/shop`],
  kafka: ['KAFKA_BROKERS', (port: number) => `127.0.0.1:${port}`],
} as const;

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'backends-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** What went wrong, told in one line that ends with what to do. */
async function failure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BackendError);
  const { message, stack } = error as BackendError;
  expect(message).not.toContain('\n');
  expect(stack).not.toContain('\n');
  return message;
}

afterEach(() => void vi.unstubAllEnvs());

describe('an address in the environment', () => {
  it.each(Object.entries(variables))(
    'where no %s answers is an error that names it',
    async (name, [variable, address]) => {
      const url = address(await freePort());
      vi.stubEnv(variable, url);
      const message = await failure(startBackends({ only: [name as keyof typeof variables] }));
      expect(message).toContain(`${variable} is set, but nothing answers there: `);
      expect(message).toMatch(/ECONNREFUSED|Connection error/);
      expect(message).toContain(`Start it, correct the address, or unset ${variable}.`);
      expect(message).not.toContain('secret');
    },
  );

  it('where somebody accepts and never answers is an error too', async () => {
    const mute = createServer(() => {}).listen(0, '127.0.0.1');
    onTestFinished(() => void mute.close());
    await new Promise((resolve) => mute.once('listening', resolve));
    const { port } = mute.address() as { port: number };
    const runs = Object.entries(variables).map(async ([name, [variable, address]]) => {
      vi.stubEnv(variable, address(port));
      return await failure(startBackends({ only: [name as keyof typeof variables] }));
    });
    for (const message of await Promise.all(runs))
      expect(message).toContain('nothing answers there');
  });

  it('wins over a server of our own, is verified, and is not stopped with the rest', async () => {
    const { REDIS_URL = '' } = process.env;
    const lines: string[] = [];
    const backends = await startBackends({ only: ['redis'], log: (line) => lines.push(line) });
    expect(backends.redisUrl).toBe(REDIS_URL);
    await backends.stop();
    await (await startBackends({ only: ['redis'] })).stop();
    expect(lines).toEqual([expect.stringMatching(/^(Redis|Valkey) \d.*, from REDIS_URL, \d/)]);
    expect(() => backends.kafkaBrokers).toThrow('`only` left out kafka');
  });
});

describe('BACKENDS', () => {
  it('refuses a way it does not know', async () => {
    vi.stubEnv('BACKENDS', 'clouds');
    expect(await failure(startBackends())).toBe(
      'Expected `BACKENDS` to be containers or native, got clouds.',
    );
  });

  it('does not fall back when containers are asked for and Docker is silent', async () => {
    vi.stubEnv('BACKENDS', 'containers');
    vi.stubEnv('DOCKER_HOST', 'unix:///nowhere/docker.sock');
    expect(await failure(startBackends())).toContain('no Docker daemon answers');
  });
});

describe('a missing program', () => {
  it('with no package manager is an error that names the three ways', async () => {
    vi.stubEnv('PATH', await temporaryFolder());
    expect(await failure(startRedis())).toBe(
      'Redis is not installed, and there is no apt-get, dnf, apk or brew to install it. Install it, or start Docker, or set REDIS_URL.',
    );
    expect(await failure(requireProgram({ ...java, commands: ['java'] }))).toBe(
      'Java 17 or newer is not installed, and there is no apt-get, dnf, apk or brew to install it. Install it, or start Docker, or set KAFKA_BROKERS.',
    );
  });

  it('that this user may not install is an error that names the command', async () => {
    const folder = await temporaryFolder();
    await chmod(folder, 0o755);
    await writeFile(join(folder, 'apt-get'), '#!/bin/sh\necho called\n', { mode: 0o755 });
    const script = fileURLToPath(
      new URL('./backends/fixtures/start-redis-as-nobody.ts', import.meta.url),
    );
    const run = promisify(execFile)(process.execPath, ['--import', 'tsx', script], {
      env: { ...process.env, PATH: folder },
    });
    await expect(run).rejects.toMatchObject({
      code: 1,
      stdout:
        'Redis is not installed, and this user may not install it. Run `sudo apt-get install redis-server`, or start Docker, or set REDIS_URL.\n',
    });
  });

  it('whose installation fails is said before, renews the lists once, and gives the reason', async () => {
    const folder = await temporaryFolder();
    const scripts = {
      'apt-cache': '',
      'apt-get': 'echo "E: no space left" >&2; exit 100',
      sudo: 'shift; "$@"',
    };
    for (const [name, text] of Object.entries(scripts)) {
      await writeFile(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }
    vi.stubEnv('PATH', `${folder}:/bin`);
    const lines: string[] = [];
    const program = {
      ...java,
      name: 'Abacus',
      commands: ['abacus'],
      packages: { ...java.packages, 'apt-get': ['abacus'] },
    };
    const message = await failure(requireProgram(program, (line) => lines.push(line)));
    expect(message).toContain(
      'Abacus could not be installed: apt-get failed (100): E: no space left',
    );
    expect(lines).toEqual([
      'Abacus is not installed: installing the package abacus by apt-get',
      'Abacus is not installed: renewing the package lists by apt-get update',
      'Abacus is not installed: installing the package abacus by apt-get',
    ]);
  });
});

describe('a port that is in use', () => {
  it.each([
    ['Redis', startRedis],
    ['PostgreSQL', startPostgres],
  ])('is an error of %s that names it', async (name, start) => {
    const holder = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void holder.close());
    await new Promise((resolve) => holder.once('listening', resolve));
    const { port } = holder.address() as { port: number };
    const starting = start({ port });
    await expect(starting).rejects.toBeInstanceOf(AddressInUseError);
    expect(await failure(starting)).toContain(
      `${name} did not start: port ${port} of 127.0.0.1 is in use.`,
    );
  });
});

describe('damaged files', () => {
  it('of a data folder are an error that says so', async () => {
    await using server = await startPostgres();
    await server.kill();
    await rm(join(server.folder, 'data', 'PG_VERSION'));
    expect(await failure(server.restart())).toMatch(
      /PostgreSQL did not start: .*not a valid data directory/,
    );
  });

  it('in the cache of Kafka are downloaded again, once for two runs', async () => {
    const jars = await kafkaJars();
    const cache = await temporaryFolder();
    const copy = join(cache, 'evenkeel', 'kafka-4.3.1');
    await cp(dirname(jars), copy, { recursive: true });
    await rm(join(copy, 'libs', 'kafka-server-4.3.1.jar'));
    await truncate(join(copy, 'libs', 'kafka_2.13-4.3.1.jar'), 1000);
    vi.stubEnv('XDG_CACHE_HOME', cache);
    const lines: string[] = [];
    const log = (line: string) => lines.push(line);
    expect(await Promise.all([kafkaJars(log), kafkaJars(log)])).toEqual([
      join(copy, 'libs'),
      join(copy, 'libs'),
    ]);
    expect(lines).toEqual([expect.stringContaining('downloading its jars (54 MB) by Maven')]);
    await kafkaJars(log);
    expect(lines).toHaveLength(1);
  });
});
