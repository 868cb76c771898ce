/** The clients of the servers that a process talks to, with names and bounds. */
import { JobQueue, kafkajsTransport, postgresOutbox, redisStatus } from '@evenkeel/async-jobs';
import { Redis, type RedisOptions } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { traceContext } from './tracing.ts';

export type Tuning = Pick<RedisOptions, 'enableAutoPipelining'>;

export function connectRedis(url: string, name: string, log: Logger, options: Tuning = {}): Redis {
  const redis = new Redis(url, {
    ...options,
    connectionName: name,
    // a request waits for a broken connection this often, not for the 70 s of the default
    maxRetriesPerRequest: 2,
    retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, 2_000),
  });
  redis.on('error', (error) => log.warn({ err: error }, 'Redis connection failed'));
  return redis;
}

export function openQueue(
  stores: { redis: Redis; database: Pool; brokers: string[]; namespace: string },
  name: string,
  log: Logger,
): JobQueue {
  const kafka = new Kafka({
    clientId: name,
    brokers: stores.brokers,
    logLevel: logLevel.ERROR,
    logCreator:
      () =>
      ({ log: { message, ...details } }) =>
        log.warn(details, `Kafka: ${message}`),
  });
  return new JobQueue({
    transport: kafkajsTransport(kafka),
    outbox: postgresOutbox(stores.database),
    status: redisStatus(stores.redis),
    topicPrefix: `${stores.namespace}.jobs`,
    traceContext,
  });
}
