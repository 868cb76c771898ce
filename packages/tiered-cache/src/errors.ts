const BRAND = Symbol.for('@evenkeel/tiered-cache.error');

/** Codes of the errors of this package. */
export type TieredCacheErrorCode =
  | 'ERR_CACHE_CLOSED'
  | 'ERR_CACHE_MASTER_UNAVAILABLE'
  | 'ERR_CACHE_LOADER_TIMEOUT'
  | 'ERR_CACHE_VALUE'
  | 'ERR_CACHE_UNHEALTHY';

/** Common ancestor of the errors of this package; `instanceof` recognises those of another copy of it too. */
export abstract class TieredCacheError extends Error {
  abstract readonly code: TieredCacheErrorCode;
  /** Namespace of the cache. */
  readonly namespace: string;

  constructor(namespace: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.namespace = namespace;
  }

  static {
    define(TieredCacheError, 'TieredCacheError', undefined);
  }
}

/** The cache was closed: the call was not made, or what it waited for was given up. */
export class CacheClosedError extends TieredCacheError {
  readonly code = 'ERR_CACHE_CLOSED';

  constructor(namespace: string) {
    super(namespace, `Cache ${namespace} has been closed`);
  }

  static {
    define(CacheClosedError, 'CacheClosedError', 'ERR_CACHE_CLOSED');
  }
}

/**
 * The master did not confirm a write. An invalidation is queued all the same and this process no
 * longer serves the old value; a `set` may or may not have been made, and its key is invalidated
 * as soon as the master answers.
 */
export class MasterUnavailableError extends TieredCacheError {
  readonly code = 'ERR_CACHE_MASTER_UNAVAILABLE';
  readonly operation: 'set' | 'invalidate' | 'expire' | 'invalidateTags' | 'clear';

  constructor(
    namespace: string,
    operation: 'set' | 'invalidate' | 'expire' | 'invalidateTags' | 'clear',
    cause: unknown,
  ) {
    super(namespace, `The master of cache ${namespace} did not confirm ${operation}`, { cause });
    this.operation = operation;
  }

  static {
    define(MasterUnavailableError, 'MasterUnavailableError', 'ERR_CACHE_MASTER_UNAVAILABLE');
  }
}

/** The loader took longer than `hardTimeoutMs` and there was no stale value; its signal was aborted. */
export class LoaderTimeoutError extends TieredCacheError {
  readonly code = 'ERR_CACHE_LOADER_TIMEOUT';
  readonly key: string;
  readonly timeoutMs: number;

  constructor(namespace: string, key: string, timeoutMs: number) {
    super(namespace, `Loader of ${key} in cache ${namespace} timed out after ${timeoutMs} ms`);
    this.key = key;
    this.timeoutMs = timeoutMs;
  }

  static {
    define(LoaderTimeoutError, 'LoaderTimeoutError', 'ERR_CACHE_LOADER_TIMEOUT');
  }
}

/** A value that JSON cannot carry (a cycle, a BigInt, a function), or is too large to `set`. */
export class CacheValueError extends TieredCacheError {
  readonly code = 'ERR_CACHE_VALUE';
  readonly key: string;

  constructor(namespace: string, key: string, rule: string, options?: ErrorOptions) {
    super(namespace, `Value of ${key} in cache ${namespace} ${rule}`, options);
    this.key = key;
  }

  static {
    define(CacheValueError, 'CacheValueError', 'ERR_CACHE_VALUE');
  }
}

/** What `healthCheck().check()` rejects with; `reason` names what does not hold. */
export class CacheUnhealthyError extends TieredCacheError {
  readonly code = 'ERR_CACHE_UNHEALTHY';
  readonly reason: string;

  constructor(namespace: string, reason: string, options?: ErrorOptions) {
    super(namespace, `Cache ${namespace} is not well: ${reason}`, options);
    this.reason = reason;
  }

  static {
    define(CacheUnhealthyError, 'CacheUnhealthyError', 'ERR_CACHE_UNHEALTHY');
  }
}

type ErrorClass = abstract new (...args: never) => TieredCacheError;

/** Names a class on its prototype and lets `instanceof` go by brand and code instead of identity. */
function define(type: ErrorClass, name: string, code: TieredCacheErrorCode | undefined): void {
  Object.defineProperties(type.prototype, { name: { value: name }, [BRAND]: { value: true } });
  Object.defineProperty(type, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      // a subclass made by an application inherits this, but is recognised by identity
      if (this !== type) return Function.prototype[Symbol.hasInstance].call(this, value);
      const error = value as { [BRAND]?: true; code?: unknown } | null | undefined;
      return error?.[BRAND] === true && (code === undefined || error.code === code);
    },
  });
}
