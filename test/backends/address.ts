import type { Backend, BackendName } from '../backends.ts';
import { BackendError, textOf } from './backend-error.ts';

const TIMEOUT_MS = 5_000;

/** Connects, asks for the version, and disconnects. */
const probes: Record<BackendName, (url: string) => Promise<{ name: string; version: string }>> = {
  async redis(url) {
    const { Redis } = await import('ioredis');
    const client = new Redis(url, {
      lazyConnect: true,
      connectTimeout: TIMEOUT_MS,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
    });
    let failure: unknown;
    client.on('error', (error) => {
      failure = error;
    });
    try {
      await client.connect();
      const info = await client.info('server');
      const valkey = /valkey_version:(\S+)/.exec(info)?.[1];
      const version = valkey ?? /redis_version:(\S+)/.exec(info)?.[1] ?? '';
      return { name: valkey ? 'Valkey' : 'Redis', version };
    } catch (error) {
      throw failure ?? error;
    } finally {
      client.disconnect();
    }
  },
  async postgres(url) {
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: TIMEOUT_MS });
    client.on('error', () => {}); // a connection that breaks also rejects what waits for it
    try {
      await client.connect();
      const { rows } = await client.query('SHOW server_version');
      return { name: 'PostgreSQL', version: String(rows[0].server_version).split(' ')[0] ?? '' };
    } finally {
      await client.end().catch(() => {});
    }
  },
  async kafka(brokers) {
    const { Kafka, logLevel } = await import('kafkajs');
    const admin = new Kafka({
      brokers: brokers.split(','),
      logLevel: logLevel.NOTHING,
      connectionTimeout: TIMEOUT_MS,
      requestTimeout: TIMEOUT_MS,
      retry: { retries: 1 },
    }).admin();
    try {
      await admin.connect();
      const { brokers: nodes } = await admin.describeCluster();
      return { name: 'Kafka', version: `of ${nodes.length} broker${nodes.length > 1 ? 's' : ''}` };
    } finally {
      await admin.disconnect().catch(() => {});
    }
  },
};

/** The backend whose address is in the environment, if there is one. @throws BackendError when it is silent. */
export async function addressFromEnvironment(
  backend: BackendName,
  variable: string,
): Promise<Backend | undefined> {
  const url = process.env[variable];
  if (!url) return undefined;
  try {
    const found = await probes[backend](url);
    return { ...found, url, how: `from ${variable}`, stop: async () => {} };
  } catch (cause) {
    throw new BackendError(
      `${variable} is set, but nothing answers there: ${textOf(cause)}. Start it, correct the address, or unset ${variable}.`,
      { cause },
    );
  }
}
