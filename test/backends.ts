import { randomBytes } from 'node:crypto';
import { addressFromEnvironment } from './backends/address.ts';
import { BackendError } from './backends/backend-error.ts';
import { startKafka } from './backends/kafka.ts';
import { startPostgres } from './backends/postgres.ts';
import { startRedis } from './backends/redis.ts';
import type { Log } from './backends/system-package.ts';

export { BackendError } from './backends/backend-error.ts';
export type { NativeServer } from './backends/native-server.ts';
export { startKafka, startPostgres, startRedis };

export type BackendName = 'redis' | 'postgres' | 'kafka';

const variables = { redis: 'REDIS_URL', postgres: 'DATABASE_URL', kafka: 'KAFKA_BROKERS' } as const;

/** A backend that answers, wherever it came from. */
export interface Backend {
  name: string;
  version: string;
  url: string;
  /** How it was found: `environment`, `container`, `native`. */
  how: string;
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Gets one line per backend, and one before anything is installed. Default: nothing is said. */
  log?: Log;
  /** Default: all three. */
  only?: BackendName[];
  /** Stops what was started so far and rejects. */
  signal?: AbortSignal;
}

/** The backends of one run. An address that was not asked for throws. */
export class Backends {
  readonly #started: ReadonlyMap<BackendName, Backend>;

  constructor(started: ReadonlyMap<BackendName, Backend>) {
    this.#started = started;
  }

  #url(name: BackendName): string {
    const backend = this.#started.get(name);
    if (!backend) throw new BackendError(`${name} was not started: \`only\` left it out.`);
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
  /** The addresses as the variables that clients and child processes read: REDIS_URL and so on. */
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
 * Gives a real Redis, PostgreSQL and Kafka, each in the first of these ways that works: the address in
 * REDIS_URL, DATABASE_URL, KAFKA_BROKERS; a container, when a Docker daemon answers; a server process of our
 * own. `BACKENDS=containers` or `BACKENDS=native` allows only that way for those without an address.
 *
 * @throws BackendError with the cause and what to do, when one of them cannot be had; then nothing is left.
 */
export async function startBackends(options: StartOptions = {}): Promise<Backends> {
  const { log, only = ['redis', 'postgres', 'kafka'], signal: outer } = options;
  const failure = new AbortController();
  const signal = outer ? AbortSignal.any([outer, failure.signal]) : failure.signal;
  const outcomes = await Promise.allSettled(
    only.map(async (name) => {
      try {
        return [name, await startOne(name, log, signal)] as const;
      } catch (error) {
        failure.abort(error);
        throw error;
      }
    }),
  );
  const started = new Map(
    outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])),
  );
  const backends = new Backends(started);
  if (signal.aborted) {
    await backends.stop();
    throw signal.reason;
  }
  return backends;
}

async function startOne(
  name: BackendName,
  log: Log | undefined,
  signal: AbortSignal,
): Promise<Backend> {
  const start = performance.now();
  const backend =
    (await addressFromEnvironment(name, variables[name])) ?? (await startNative(name, log, signal));
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const address = backend.url.replace(/\/\/[^@/]*@/, '//');
  log?.(`${backend.name} ${backend.version}: ${address} (${backend.how}, ${seconds} s)`);
  return backend;
}

const natively = { redis: startRedis, postgres: startPostgres, kafka: startKafka };

async function startNative(
  backend: BackendName,
  log: Log | undefined,
  signal: AbortSignal,
): Promise<Backend> {
  const server = await natively[backend]({ signal, ...(log ? { log } : {}) });
  const { name, version, url } = server;
  return { name, version, url, how: 'native', stop: () => server.stop() };
}

/** The addresses of the run's shared backends, for a test. @throws BackendError outside of such a run. */
export function backends(): { redisUrl: string; databaseUrl: string; kafkaBrokers: string } {
  const address = (name: BackendName): string => {
    const value = process.env[variables[name]];
    if (value) return value;
    throw new BackendError(
      `${variables[name]} is not set: run this by \`npm run test:integration\`, whose set-up starts the backends, or set it.`,
    );
  };
  return {
    redisUrl: address('redis'),
    databaseUrl: address('postgres'),
    kafkaBrokers: address('kafka'),
  };
}

/** A name nobody else uses: `uniqueName('holds')` is like `holds_k3j9x2`, fit for keys, schemas and topics. */
export function uniqueName(prefix: string): string {
  const suffix = BigInt(`0x${randomBytes(5).toString('hex')}`).toString(36);
  return `${prefix.toLowerCase().replace(/[^a-z0-9_]/g, '_')}_${suffix}`;
}

/** Set-up of the integration tests: starts the three for all test files, whose workers inherit the variables. */
export default async function setUp(): Promise<() => Promise<void>> {
  const started = await startBackends({ log: (line) => console.log(line) });
  Object.assign(process.env, started.env);
  return () => started.stop();
}
