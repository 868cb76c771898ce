import { randomBytes } from 'node:crypto';
import { env } from 'node:process';
import { addressFromEnvironment } from './backends/address.ts';
import type { Backend, BackendName } from './backends/backend.ts';
import { BackendError, textOf } from './backends/backend-error.ts';
import { startContainer } from './backends/containers.ts';
import { dockerAnswers } from './backends/docker.ts';
import { startKafka } from './backends/kafka.ts';
import type { NativeServer } from './backends/native-server.ts';
import { startPgBouncer } from './backends/pgbouncer.ts';
import { startPostgres } from './backends/postgres.ts';
import { startRedis } from './backends/redis.ts';
import type { Log } from './backends/system-package.ts';

export type { Backend, BackendName } from './backends/backend.ts';
export { AddressInUseError, BackendError } from './backends/backend-error.ts';
export type { NativeServer };
export { startKafka, startPgBouncer, startPostgres, startRedis };

const variables = { redis: 'REDIS_URL', postgres: 'DATABASE_URL', kafka: 'KAFKA_BROKERS' } as const;
const natively = { redis: startRedis, postgres: startPostgres, kafka: startKafka };

export interface StartOptions {
  /** Gets one line per backend, and one before anything is downloaded. Default: nobody. */
  log?: Log;
  /** Default: all three. */
  only?: BackendName[];
  /** Stops what was started so far and rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** The backends of one run. The address of one that was left out throws. */
export class Backends {
  readonly #started: ReadonlyMap<BackendName, Backend>;

  constructor(started: ReadonlyMap<BackendName, Backend>) {
    this.#started = started;
  }

  /** The Redis that was started here as a process; undefined when it is somebody else's. */
  get ownRedis(): NativeServer | undefined {
    return this.#started.get('redis')?.server;
  }

  #url(name: BackendName): string {
    const backend = this.#started.get(name);
    if (!backend) throw new BackendError(`\`only\` left out ${name}: it was not started.`);
    return backend.url;
  }

  /** `redis://host:port` */
  get redisUrl(): string {
    return this.#url('redis');
  }

  /** `postgres://user:password@host:port/database` */
  get databaseUrl(): string {
    return this.#url('postgres');
  }

  /** `host:port`, several separated by commas */
  get kafkaBrokers(): string {
    return this.#url('kafka');
  }

  /** The addresses by variable (REDIS_URL and so on), for the environment of child processes. */
  get env(): Record<string, string> {
    return Object.fromEntries([...this.#started].map(([name, { url }]) => [variables[name], url]));
  }

  /** Stops what was started; what came from the environment stays. Calling it again does nothing. */
  async stop(): Promise<void> {
    await Promise.all([...this.#started.values()].map((backend) => backend.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/**
 * Gives a real Redis, PostgreSQL and Kafka, started side by side, each in the first of these ways that works:
 * the address in REDIS_URL, DATABASE_URL, KAFKA_BROKERS; a container, when a Docker daemon answers (images:
 * REDIS_IMAGE, POSTGRES_IMAGE, KAFKA_IMAGE); a process of our own. `BACKENDS=containers` and `BACKENDS=native`
 * allow only that way to those without an address. However this process ends, nothing it started outlives it.
 *
 * @throws BackendError with the cause and what to do when one cannot be had; the others are stopped again.
 */
export async function startBackends(options: StartOptions = {}): Promise<Backends> {
  const { log, only = ['redis', 'postgres', 'kafka'], signal: outer } = options;
  const failure = new AbortController();
  const signal = outer ? AbortSignal.any([outer, failure.signal]) : failure.signal;
  const way = await chooseWay();
  const outcomes = await Promise.allSettled(
    only.map(async (name) => {
      try {
        return [name, await startOne(name, way, log, signal)] as const;
      } catch (error) {
        failure.abort(error);
        throw error;
      }
    }),
  );
  const started = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const backends = new Backends(new Map(started));
  if (signal.aborted) {
    await backends.stop();
    throw signal.reason;
  }
  return backends;
}

type Way = 'native' | 'containers' | 'containers or native';

async function chooseWay(): Promise<Way> {
  const forced = env.BACKENDS || undefined;
  if (forced === 'native') return forced;
  if (forced !== undefined && forced !== 'containers') {
    throw new BackendError(`Expected \`BACKENDS\` to be containers or native, got ${forced}.`);
  }
  if (await dockerAnswers()) return forced ?? 'containers or native';
  if (forced === undefined) return 'native';
  throw new BackendError(
    'BACKENDS=containers, but no Docker daemon answers. Start it, correct DOCKER_HOST, or unset BACKENDS.',
  );
}

async function startOne(
  name: BackendName,
  way: Way,
  log: Log | undefined,
  signal: AbortSignal,
): Promise<Backend> {
  const start = performance.now();
  const backend =
    (await addressFromEnvironment(name, variables[name])) ??
    (way === 'native' ? undefined : await inContainer(name, way, log)) ??
    (await asProcess(name, log, signal));
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const address = backend.url.replace(/\/\/[^@/]*@/, '//'); // without the password
  log?.(`${backend.name} ${backend.version}, ${backend.how}, ${seconds} s: ${address}`);
  return backend;
}

async function inContainer(name: BackendName, way: Way, log: Log | undefined) {
  try {
    return await startContainer(name);
  } catch (error) {
    if (way === 'containers') throw error;
    log?.(`${textOf(error)} Going on without a container.`);
    return undefined;
  }
}

async function asProcess(
  backend: BackendName,
  log: Log | undefined,
  signal: AbortSignal,
): Promise<Backend> {
  const server = await natively[backend]({ signal, ...(log ? { log } : {}) });
  const { name, version, url } = server;
  return { name, version, url, how: 'native', stop: () => server.stop(), server };
}

/** The addresses of this run's shared backends, for a test. @throws BackendError outside of such a run. */
export function backends(): { redisUrl: string; databaseUrl: string; kafkaBrokers: string } {
  const address = (name: BackendName): string => {
    const value = env[variables[name]];
    if (value) return value;
    throw new BackendError(
      `${variables[name]} is not set. Run this by \`npm run test:integration\`, which starts the backends, or set it.`,
    );
  };
  return {
    redisUrl: address('redis'),
    databaseUrl: address('postgres'),
    kafkaBrokers: address('kafka'),
  };
}

/** A name nobody else uses: `uniqueName('holds')` is like `holds_k3j9x2p1`, fit for keys, schemas and topics. */
export function uniqueName(prefix: string): string {
  const suffix = BigInt(`0x${randomBytes(5).toString('hex')}`).toString(36);
  return `${prefix.toLowerCase().replace(/[^a-z0-9_]/g, '_')}_${suffix}`;
}

/** Set-up of the integration tests: one of each for all test files, whose workers inherit the variables. */
export default async function setUp(): Promise<() => Promise<void>> {
  const started = await startBackends({ log: (line) => console.log(line) });
  Object.assign(env, started.env);
  return () => started.stop();
}
