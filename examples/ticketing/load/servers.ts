/** The Redis, PostgreSQL and Kafka of a proof: always its own, because it breaks them. */
import {
  type NativeServer,
  startKafka,
  startPostgres,
  startRedis,
} from '../../../test/backends.ts';

export class Servers {
  redis: NativeServer;
  readonly postgres: NativeServer;
  readonly kafka: NativeServer;
  readonly #others: NativeServer[] = [];

  private constructor(redis: NativeServer, postgres: NativeServer, kafka: NativeServer) {
    this.redis = redis;
    this.postgres = postgres;
    this.kafka = kafka;
  }

  /** All or none. */
  static async start(log: (line: string) => void, signal: AbortSignal): Promise<Servers> {
    const starting = [
      startRedis({ log, signal }),
      startPostgres({ log, signal, settings: { max_connections: '300', shared_buffers: '256MB' } }),
      startKafka({ log, signal }),
    ] as const;
    try {
      const [redis, postgres, kafka] = await Promise.all(starting);
      return new Servers(redis, postgres, kafka);
    } catch (error) {
      for (const one of await Promise.allSettled(starting)) {
        if (one.status === 'fulfilled') await one.value.stop();
      }
      throw error;
    }
  }

  get env(): Record<string, string> {
    return {
      REDIS_URL: this.redis.url,
      DATABASE_URL: this.postgres.url,
      KAFKA_BROKERS: this.kafka.url,
    };
  }

  get versions(): string[] {
    return [this.redis, this.postgres, this.kafka].map(({ name, version }) => `${name} ${version}`);
  }

  get pids(): [name: string, pid: number][] {
    return [this.redis, this.postgres, this.kafka].flatMap((server): [string, number][] => {
      try {
        return [[server.name, server.pid]];
      } catch {
        return []; // down at the moment: somebody has asked for it
      }
    });
  }

  /**
   * A failover: the master dies by SIGKILL, its replica takes its address. What had not been copied yet
   * is lost, as with every asynchronous replication.
   */
  async replaceRedis(): Promise<void> {
    const { port } = this.redis;
    const replica = await startRedis({ replicaOf: this.redis });
    this.#others.push(replica);
    await this.redis.kill();
    const { Redis } = await import('ioredis');
    const promote = async (url: string) => {
      const admin = new Redis(url);
      admin.on('error', () => {});
      await admin.replicaof('NO', 'ONE');
      admin.disconnect();
    };
    await promote(replica.url);
    const old = this.redis;
    this.redis = await startRedis({ port, replicaOf: replica });
    await promote(this.redis.url);
    await replica.stop();
    await old.stop();
  }

  async stop(): Promise<void> {
    const all = [this.redis, this.postgres, this.kafka, ...this.#others];
    await Promise.allSettled(all.map((server) => server.stop()));
  }
}
