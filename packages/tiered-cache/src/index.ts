export type { CacheHealth } from './cache-health.ts';
export type { Clock } from './clock.ts';
export {
  CacheClosedError,
  CacheUnhealthyError,
  CacheValueError,
  LoaderTimeoutError,
  MasterUnavailableError,
  TieredCacheError,
  type TieredCacheErrorCode,
} from './errors.ts';
export type { TieredCacheEvents } from './events.ts';
export type { LogId } from './log-id.ts';
export type {
  GetOptions,
  InvalidateOptions,
  InvalidateResult,
  Loader,
  LoaderContext,
  SetOptions,
  TieredCacheOptions,
} from './options.ts';
export type { LogConnection, RedisLike, RedisTopology } from './redis-like.ts';
export type { TieredCacheStats } from './stats.ts';
export type { TierName } from './tier.ts';
export { TieredCache } from './tiered-cache.ts';
