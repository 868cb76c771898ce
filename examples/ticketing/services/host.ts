/**
 * What the services of one process share: connections, caches and hold pools, each opened when the
 * first service asks for it and closed in order. It is the same whether a process runs one service
 * or all of them.
 */
import type { JobDefinition, JobQueue, OutboxRelay } from '@evenkeel/async-jobs';
import {
  type Health,
  pgCheck,
  redisCheck,
  replicaLagCheck,
  type ShutdownPhases,
} from '@evenkeel/health';
import { ReadWriteRouter } from '@evenkeel/health/postgres';
import { TieredCache } from '@evenkeel/tiered-cache';
import type { Redis } from 'ioredis';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { AccessTokens } from './auth/access-token.ts';
import { Catalog } from './catalog/catalog.ts';
import type { Config } from './config.ts';
import { connectRedis, openQueue, type Tuning } from './connections.ts';
import { openDatabase } from './database.ts';
import { insist } from './insist.ts';
import { HoldTraces } from './inventory/hold-traces.ts';
import { Pools } from './inventory/pools.ts';
import { WaitingRooms } from './inventory/waiting-rooms.ts';
import type { Metrics } from './metrics.ts';
import { RedisPulse } from './redis-pulse.ts';
import { Switches } from './switches.ts';

/** Whoever asks for a thing has its variables in its own list, so they are set when they are read. */
export type HostConfig = Config<
  | 'NAMESPACE'
  | 'REDIS_URL'
  | 'DATABASE_URL'
  | 'DATABASE_CONNECTIONS'
  | 'KAFKA_BROKERS'
  | 'ACCESS_TOKEN_SECRET'
  | 'ACCESS_TOKEN_TTL_MS'
  | 'REDIS_SILENCE_MS'
  | 'HOLD_TTL_MS'
  | 'HOLD_GRACE_MS'
  | 'SEATS_PER_BUYER'
> &
  Partial<
    Config<'PEOPLE_DATABASE_URL' | 'PEOPLE_REDIS_URL' | 'REDIS_READ_URLS' | 'DATABASE_REPLICA_URL'>
  >;

/** a replica further behind is not asked; as in the alert */
const replicaLagMs = 5_000;

export class Host {
  readonly name: string;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly namespace: string;
  readonly switches = new Switches();
  readonly #config: HostConfig;
  readonly #log: Logger;
  readonly #opened = new Map<string, unknown>();
  readonly #caches: (() => Promise<unknown>)[] = [];
  readonly #stores: (() => Promise<unknown>)[] = [];

  constructor(options: {
    name: string;
    health: Health;
    metrics: Metrics;
    config: HostConfig;
    log: Logger;
  }) {
    this.name = options.name;
    this.health = options.health;
    this.metrics = options.metrics;
    this.namespace = options.config.NAMESPACE;
    this.#config = options.config;
    this.#log = options.log;
  }

  get redis(): Redis {
    return this.#once('redis', () => this.#openRedis('redis', this.#config.REDIS_URL));
  }

  get database(): Pool {
    return this.#once('database', () => this.#openDatabase('database', this.#config.DATABASE_URL));
  }

  /** Where the people of this region live; without an address of its own, beside everything else. */
  get people(): Pool {
    const url = this.#config.PEOPLE_DATABASE_URL;
    if (!url) return this.database;
    return this.#once('people', () => this.#openDatabase('people', url));
  }

  /**
   * Sessions have names in them, so they stay in the region too. Everybody logs in at once: what many ask for in one turn of the
   * event loop goes out in one write.
   */
  get sessionRedis(): Redis {
    const url = this.#config.PEOPLE_REDIS_URL ?? this.#config.REDIS_URL;
    const options = { enableAutoPipelining: true };
    return this.#once('session-redis', () => this.#openRedis('session-redis', url, options));
  }

  get queue(): JobQueue {
    return this.#once('queue', () => {
      const { redis, database, namespace } = this;
      const stores = { redis, database, namespace, brokers: this.#config.KAFKA_BROKERS };
      const queue = openQueue(stores, this.name, this.#log);
      this.health.check(queue.healthCheck(), { scope: 'shared', timeoutMs: 2_000 });
      this.#caches.push(() => queue.close());
      return queue;
    });
  }

  /** For a service that starts. */
  ensureTopics(jobs: readonly JobDefinition[]): Promise<void> {
    return insist(
      () => this.queue.ensureTopics(jobs),
      (error) => this.#log.warn({ err: error }, 'Kafka is not there yet'),
    );
  }

  /** Whoever puts jobs into the database sees to it that they leave it. */
  relay(): Promise<OutboxRelay> {
    return this.#once('relay', async () => {
      const relay = this.queue.relay();
      relay.on('error', (error) => this.#log.warn({ err: error }, 'outbox relay failed'));
      await relay.run();
      this.metrics.relays.push(relay);
      this.health.check(relay.healthCheck(), { scope: 'shared' });
      return relay;
    });
  }

  get catalog(): Catalog {
    return this.#once('catalog', () => {
      const cache = new TieredCache({
        namespace: this.namespace,
        redis: this.#chain(),
        // what a lagging replica said right after a change is not kept for long
        sourceLagMs: this.#config.DATABASE_REPLICA_URL ? replicaLagMs : 0,
      });
      this.metrics.caches.push(cache);
      this.health.check(cache.healthCheck(), { scope: 'shared' });
      this.#caches.push(() => cache.close());
      const onLoad = () => this.metrics.catalogLoads.inc();
      const catalog = new Catalog({ cache, database: this.reads, onLoad });
      this.switches.on('cache', (isOn) => {
        catalog.isCached = isOn;
      });
      return catalog;
    });
  }

  /** The replica beside this process, when there is one and it keeps up; else the primary. */
  get reads(): ReadWriteRouter {
    return this.#once('reads', () => {
      const url = this.#config.DATABASE_REPLICA_URL;
      const replica = url ? this.#connectDatabase('replica', url) : undefined;
      const reads = new ReadWriteRouter({
        primary: this.database,
        replicas: replica ? [replica] : [],
        maxLagMs: replicaLagMs,
      });
      reads.on('replica', (change) => this.#log.warn(change, 'reads go elsewhere'));
      if (replica) {
        const check = replicaLagCheck(this.database, replica, { maxLagMs: replicaLagMs });
        this.health.check('replica-lag', check);
      }
      this.metrics.replicas(reads);
      this.#caches.push(() => reads.close());
      return reads;
    });
  }

  get pools(): Pools {
    return this.#once('pools', () => {
      const pools = new Pools({
        redis: this.redis,
        database: this.database,
        namespace: this.namespace,
        ttlMs: this.#config.HOLD_TTL_MS,
        graceMs: this.#config.HOLD_GRACE_MS,
        seatsPerBuyer: this.#config.SEATS_PER_BUYER,
      });
      pools.onOpen((_event, pool) => this.metrics.pools.push(pool));
      this.#caches.push(() => pools.close());
      return pools;
    });
  }

  /** For a service that starts, before it takes part in the sale. */
  openPools(): Promise<void> {
    return this.pools.openAllAtStart((error) =>
      this.#log.warn({ err: error }, 'sales cannot be opened yet'),
    );
  }

  /** Every process of the sale ticks: what is due is done once, whoever comes first. */
  get rooms(): WaitingRooms {
    return this.#once('rooms', () => {
      const rooms = new WaitingRooms({
        redis: this.redis,
        pools: this.pools,
        namespace: this.namespace,
        secret: this.#config.ACCESS_TOKEN_SECRET,
        log: this.#log,
      });
      this.#caches.push(() => rooms.close());
      return rooms;
    });
  }

  get pulse(): RedisPulse {
    return this.#pulseOf('redis', this.redis);
  }

  get sessionPulse(): RedisPulse {
    return this.#pulseOf('session-redis', this.sessionRedis);
  }

  get holdTraces(): HoldTraces {
    const { redis, pulse, namespace } = this;
    const holdTtlMs = this.#config.HOLD_TTL_MS;
    return this.#once('hold-traces', () => new HoldTraces({ redis, pulse, namespace, holdTtlMs }));
  }

  get tokens(): AccessTokens {
    return this.#once(
      'tokens',
      () =>
        new AccessTokens({
          secret: this.#config.ACCESS_TOKEN_SECRET,
          ttlMs: this.#config.ACCESS_TOKEN_TTL_MS,
        }),
    );
  }

  /** The host's part of the shutdown: what was opened last is closed first. */
  get phases(): ShutdownPhases {
    return { caches: this.#caches.toReversed(), db: this.#stores.toReversed() };
  }

  /** master -> global -> this region: changes go to the first, reads to the last and, when it fails, one up. */
  #chain() {
    const master = this.redis;
    const [near, global] = (this.#config.REDIS_READ_URLS ?? []).map((url) => {
      const replica = connectRedis(url, this.name, this.#log);
      this.#stores.push(async () => replica.disconnect());
      return replica;
    });
    if (!near) return master;
    return global ? { master, global, regions: { near }, region: 'near' } : { master, near };
  }

  #openRedis(name: string, url: string, options?: Tuning): Redis {
    const redis = connectRedis(url, this.name, this.#log, options);
    this.health.check(name, redisCheck(redis), { scope: 'shared' });
    this.#stores.push(() => redis.quit());
    return redis;
  }

  #openDatabase(name: string, url: string): Pool {
    const database = this.#connectDatabase(name, url);
    // real rows, which every role may read: a database that answers `select 1` may have lost them
    const query = 'select name from migrations limit 1';
    this.health.check(name, pgCheck(database, { query }), { scope: 'shared' });
    return database;
  }

  #pulseOf(name: string, redis: Redis): RedisPulse {
    return this.#once(`pulse of ${name}`, () => {
      const pulse = new RedisPulse({
        redis,
        silenceMs: this.#config.REDIS_SILENCE_MS,
        onChange: (isSilent) =>
          this.#log.warn({ redis: name }, isSilent ? 'Redis is silent' : 'Redis answers again'),
      });
      this.#caches.push(async () => pulse.close());
      return pulse;
    });
  }

  #connectDatabase(name: string, url: string): Pool {
    const database = openDatabase({
      url,
      connections: this.#config.DATABASE_CONNECTIONS,
      service: this.name,
      onError: (error) => this.#log.warn({ err: error }, 'idle database connection failed'),
    });
    this.metrics.database(name, database);
    this.#stores.push(() => database.end());
    return database;
  }

  #once<T>(name: string, open: () => T): T {
    if (!this.#opened.has(name)) this.#opened.set(name, open());
    return this.#opened.get(name) as T;
  }
}
