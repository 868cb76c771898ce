import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { backends, uniqueName } from '../../../test/backends.ts';
import {
  JobQueue,
  type Outbox,
  postgresOutbox,
  redisStatus,
  type Transport,
} from '../src/index.ts';
import { transportTo } from './fixtures/transport.ts';

/** Clients of the shared servers, and what is made of them, under names of this test's own. */
export class Clients {
  readonly #closers: (() => Promise<unknown> | unknown)[] = [];
  readonly schema = uniqueName('jobs');
  readonly pool: pg.Pool;

  constructor() {
    this.pool = new pg.Pool({ connectionString: backends().databaseUrl, max: 40 });
    this.#closers.push(async () => {
      await this.pool.query(`DROP SCHEMA IF EXISTS "${this.schema}" CASCADE`);
      await this.pool.end();
    });
  }

  kafka(): Kafka {
    return new Kafka({ brokers: backends().kafkaBrokers.split(','), logLevel: logLevel.NOTHING });
  }

  /** A transport of the driver under test. */
  transport(): Transport {
    return transportTo(backends().kafkaBrokers);
  }

  redis(): Redis {
    const redis = new Redis(backends().redisUrl);
    redis.on('error', () => {});
    this.#closers.push(() => redis.disconnect());
    return redis;
  }

  outbox(options: { readonly prepare?: boolean } = {}, pool = this.pool): Outbox {
    return postgresOutbox(pool, { schema: this.schema, ...options });
  }

  /** A queue on all three servers, with its tables. */
  async queue(redis = this.redis()): Promise<JobQueue> {
    const outbox = this.outbox();
    await outbox.migrate();
    const queue = new JobQueue({
      transport: this.transport(),
      outbox,
      status: redisStatus(redis, { prefix: this.schema }),
    });
    this.#closers.push(() => queue.close());
    return queue;
  }

  async count(table: string, where = 'true'): Promise<number> {
    const { rows } = await this.pool.query(
      `SELECT count(*)::int AS n FROM "${this.schema}".${table} WHERE ${where}`,
    );
    return rows[0].n;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.reverse()) await close();
  }
}
