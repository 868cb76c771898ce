import type { BackendName } from './backend.ts';

const TIMEOUT_MS = 3_000;

type Probe = (url: string) => Promise<{ name: string; version: string }>;

const probes: Record<BackendName, Probe> = {
  async redis(url) {
    const { Redis } = await import('ioredis');
    const client = new Redis(url, {
      lazyConnect: true,
      connectTimeout: TIMEOUT_MS,
      commandTimeout: TIMEOUT_MS,
      enableReadyCheck: false,
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
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: TIMEOUT_MS,
      query_timeout: TIMEOUT_MS,
    });
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

/** Connects, asks what it is, and disconnects. @throws when it does not answer within some seconds. */
export async function probe(backend: BackendName, url: string): ReturnType<Probe> {
  return await probes[backend](url);
}
