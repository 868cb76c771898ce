import { shown, wrong } from './check.ts';
import { knownOptions } from './known-options.ts';
import type { RedisLike, RedisTopology, Residency } from './redis-like.ts';

/** The Redis that this process talks to. */
export interface Clients {
  readonly near: RedisLike;
  readonly global: RedisLike | undefined;
  readonly master: RedisLike;
}

/** @throws TypeError or RangeError when these are not clients, or the region is not among them */
export function toClients(
  redis: RedisTopology | undefined,
  residency: Residency | undefined,
): Clients | undefined {
  const clients = redis === undefined ? undefined : toChain(redis);
  if (residency === undefined) return clients;
  if (redis === undefined || !('regions' in redis)) {
    throw wrong('residency', 'to come with `redis.regions` and `redis.region`', residency);
  }
  knownOptions(residency, { region: true, redis: true }, 'residency.');
  const { region, redis: own } = residency;
  const client = toClient('residency.redis', own);
  if (redis.region !== region) {
    throw new RangeError(
      `Expected \`redis.region\` to be ${region}, where the namespace resides, got ${shown(redis.region)}`,
    );
  }
  if ([redis.master, redis.global, ...Object.values(redis.regions)].includes(client)) {
    throw new RangeError(
      'Expected `residency.redis` to be a Redis of the region alone, got one of the chain',
    );
  }
  return { near: client, global: undefined, master: client };
}

function toChain(redis: RedisTopology): Clients {
  if (typeof redis !== 'object' || redis === null) {
    throw wrong('redis', 'to be a client or an object of clients', redis);
  }
  if (!('master' in redis)) {
    const client = toClient('redis', redis);
    return { near: client, global: undefined, master: client };
  }
  const master = toClient('redis.master', redis.master);
  if ('near' in redis) {
    knownOptions(redis, { master: true, near: true }, 'redis.');
    return { near: toClient('redis.near', redis.near), global: undefined, master };
  }
  knownOptions(redis, { master: true, global: true, regions: true, region: true }, 'redis.');
  const { regions, region } = redis;
  if (!Object.hasOwn(regions ?? {}, region)) {
    const known = Object.keys(regions ?? {}).join(', ');
    throw new RangeError(`Expected \`redis.region\` to be one of ${known}, got ${shown(region)}`);
  }
  const near = toClient(`redis.regions.${region}`, regions[region]);
  return { near, global: toClient('redis.global', redis.global), master };
}

function toClient(field: string, value: unknown): RedisLike {
  const client = value as Partial<RedisLike> | null | undefined;
  if (typeof client?.evalsha === 'function' && typeof client.duplicate === 'function') {
    return client as RedisLike;
  }
  throw wrong(field, 'to be a Redis client such as that of ioredis', value);
}
