/** The caches that are compared, each set up as its documentation says for two tiers, behind one interface. */
import KeyvRedis, { Keyv } from '@keyv/redis';
import { createCache as createDedupe, createStorage } from 'async-cache-dedupe';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis';
import { createCache as createManager } from 'cache-manager';
import { Cacheable } from 'cacheable';
import { Redis } from 'ioredis';
import { Redis as Redis6 } from 'ioredis6';
import { createNotificationPair, Loader, RedisCache } from 'layered-loader';
import { TieredCache } from '../src/index.ts';

const TTL_MS = 600_000;

export type Load = () => Promise<unknown>;

export interface Contender {
  get(key: string, load: Load): Promise<unknown>;
  invalidate(key: string): Promise<unknown>;
  close(): Promise<unknown>;
}

function clientOf(url: string): Redis {
  const client = new Redis(url); // as it comes
  client.on('error', () => {});
  return client;
}

async function evenkeel(
  url: string,
  namespace: string,
  redis: Redis | Redis6 = clientOf(url),
): Promise<Contender> {
  const cache = new TieredCache({ namespace, redis, ttlMs: TTL_MS });
  await cache.get('warm-up', async () => 1);
  return {
    get: (key, load) => cache.get(key, load),
    invalidate: (key) => cache.invalidate(key),
    close: async () => {
      await cache.close();
      redis.disconnect();
    },
  };
}

async function evenkeelOn6(url: string, namespace: string): Promise<Contender> {
  const redis = new Redis6(url);
  redis.on('error', () => {});
  return await evenkeel(url, namespace, redis);
}

async function bento(url: string, namespace: string): Promise<Contender> {
  const connection = clientOf(url);
  const bus = clientOf(url);
  const cache = new BentoCache({
    default: 'two',
    prefix: namespace,
    stores: {
      two: bentostore()
        .useL1Layer(memoryDriver({ maxItems: 10_000 }))
        .useL2Layer(redisDriver({ connection: connection as never }))
        .useBus(redisBusDriver({ connection: bus.options as never })),
    },
  });
  return {
    get: (key, factory) => cache.getOrSet({ key, ttl: TTL_MS, factory }),
    invalidate: (key) => cache.delete({ key }),
    close: async () => {
      await cache.disconnectAll();
      bus.disconnect();
    },
  };
}

async function cacheable(url: string, namespace: string): Promise<Contender> {
  const secondary = new Keyv({ store: new KeyvRedis(url), namespace });
  const cache = new Cacheable({ secondary, ttl: TTL_MS });
  cache.on('error', () => {});
  return {
    get: (key, load) => cache.getOrSet(key, load),
    invalidate: (key) => cache.delete(key),
    close: () => cache.disconnect(),
  };
}

async function manager(url: string, namespace: string): Promise<Contender> {
  const remote = new Keyv({ store: new KeyvRedis(url), namespace });
  remote.on('error', () => {});
  const cache = createManager({ ttl: TTL_MS, stores: [new Keyv(), remote] });
  return {
    get: (key, load) => cache.wrap(key, load),
    invalidate: (key) => cache.del(key),
    close: () => cache.disconnect(),
  };
}

async function dedupe(url: string, namespace: string, local: boolean): Promise<Contender> {
  const client = clientOf(url);
  const loads = new Map<string, Load>();
  const storage = local
    ? ({ type: 'memory', options: { size: 10_000 } } as const)
    : ({
        type: 'custom',
        options: { storage: createStorage('redis', { client: client as never }) },
      } as const);
  const cache = createDedupe({ ttl: TTL_MS / 1_000, storage: storage as never });
  // one tier at a time: memory, or Redis
  const defined = cache.define(namespace, (key: string) => loads.get(key)?.()) as unknown as Record<
    string,
    (key: string) => Promise<unknown>
  >;
  return {
    get: (key, load) => {
      loads.set(key, load);
      return (defined[namespace] as (key: string) => Promise<unknown>)(key);
    },
    invalidate: (key) => cache.clear(namespace, key),
    close: async () => client.disconnect(),
  };
}

async function layered(url: string, namespace: string): Promise<Contender> {
  const [redis, publisherRedis, consumerRedis] = [clientOf(url), clientOf(url), clientOf(url)];
  const loads = new Map<string, Load>();
  const { publisher, consumer } = createNotificationPair<unknown>({
    channel: namespace,
    publisherRedis: publisherRedis as never,
    consumerRedis: consumerRedis as never,
  });
  const loader = new Loader<unknown>({
    inMemoryCache: { cacheType: 'lru-map', ttlInMsecs: TTL_MS, maxItems: 10_000 },
    asyncCache: new RedisCache<unknown>(redis as never, {
      json: true,
      ttlInMsecs: TTL_MS,
      prefix: namespace,
    }),
    dataSourceGetOneFn: async (key: string) => loads.get(key)?.(),
    notificationPublisher: publisher,
    notificationConsumer: consumer,
  });
  await loader.init();
  return {
    get: (key, load) => {
      if (!loads.has(key)) loads.set(key, load);
      return loader.get(key);
    },
    invalidate: (key) => {
      loads.delete(key);
      return loader.invalidateCacheFor(key);
    },
    close: async () => {
      for (const client of [redis, publisherRedis, consumerRedis]) client.disconnect();
    },
  };
}

type Make = (url: string, namespace: string) => Promise<Contender>;

/** The same with another client; not in the table. */
export const ON_IOREDIS_6 = 'evenkeel tiered-cache, ioredis 6';
export const variants: Record<string, { make: Make }> = { [ON_IOREDIS_6]: { make: evenkeelOn6 } };

export const contenders: Record<string, { make: Make; local?: Make }> = {
  'evenkeel tiered-cache': { make: (url, namespace) => evenkeel(url, namespace) },
  'bentocache 1.6': { make: bento },
  'cacheable 2.5': { make: cacheable },
  'cache-manager 7.2': { make: manager },
  'async-cache-dedupe 3.4': {
    make: (url, namespace) => dedupe(url, namespace, false),
    local: (url, namespace) => dedupe(url, namespace, true),
  },
  'layered-loader 16.1': { make: layered },
};
