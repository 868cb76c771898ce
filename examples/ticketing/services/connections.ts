/** The servers that a service talks to, opened with names and bounds, and closed in one call. */
import { JobQueue, kafkajsTransport, postgresOutbox, redisStatus } from '@evenkeel/async-jobs';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { openDatabase } from './database.ts';

export type Connections = { redis: Redis; database: Pool; queue: JobQueue };

type StoreConfig = Config<
  'REDIS_URL' | 'DATABASE_URL' | 'DATABASE_CONNECTIONS' | 'KAFKA_BROKERS' | 'NAMESPACE'
>;

export function connect(service: string, config: StoreConfig, log: Logger): Connections {
  const redis = new Redis(config.REDIS_URL, {
    connectionName: service,
    // a request waits for a broken connection this often, not for the 70 s of the default
    maxRetriesPerRequest: 2,
    retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, 2_000),
  });
  redis.on('error', (error) => log.warn({ err: error }, 'Redis connection failed'));

  const database = openDatabase({
    url: config.DATABASE_URL,
    connections: config.DATABASE_CONNECTIONS,
    service,
    onError: (error) => log.warn({ err: error }, 'idle database connection failed'),
  });

  const kafka = new Kafka({
    clientId: service,
    brokers: config.KAFKA_BROKERS,
    logLevel: logLevel.ERROR,
    logCreator:
      () =>
      ({ log: { message, ...details } }) =>
        log.warn(details, `Kafka: ${message}`),
  });
  const queue = new JobQueue({
    transport: kafkajsTransport(kafka),
    outbox: postgresOutbox(database),
    status: redisStatus(redis),
    topicPrefix: `${config.NAMESPACE}.jobs`,
  });
  return { redis, database, queue };
}
