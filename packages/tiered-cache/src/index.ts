export type { CacheHealth } from './cache-health.ts';
export type { Clock } from './clock.ts';
export type { Codec, Compression } from './codec.ts';
export type { Definition, DefinitionOptions } from './definition.ts';
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
  BulkLoader,
  BulkResult,
  GetOptions,
  Guard,
  InvalidateOptions,
  InvalidateResult,
  KeepOptions,
  Loader,
  LoaderContext,
  ReadOptions,
  SetOptions,
  TagsOf,
  TieredCacheOptions,
  WriteResult,
} from './options.ts';
export type { LogConnection, RedisLike, RedisTopology, Residency } from './redis-like.ts';
export type { TieredCacheStats } from './stats.ts';
export type { TierName } from './tier.ts';
export { TieredCache } from './tiered-cache.ts';
