import type { LogId } from './log-id.ts';
import type {
  BulkResult,
  InvalidateOptions,
  InvalidateResult,
  LoaderContext,
  ReadOptions,
  WriteResult,
} from './options.ts';
import type { TieredCache } from './tiered-cache.ts';

/** A kind of cached value: how its keys are made, and how it is loaded and kept. */
export interface DefinitionOptions<A, T> {
  /** The key of an argument; different arguments must not have the same. */
  key(argument: A): string;
  load(argument: A, context: LoaderContext<T>): T | Promise<T>;
  /** Default: `load` for each. */
  loadMany?(
    missing: readonly A[],
    context: { readonly signal: AbortSignal },
  ): BulkResult<A, T> | Promise<BulkResult<A, T>>;
  /** Default: that of the cache. */
  ttlMs?: number;
  /** Default: that of the cache. */
  negativeTtlMs?: number;
  /** What `invalidateTags` knows the value by; at most 64. Default: none. */
  tags?: (value: T) => readonly string[];
}

/** The cache of one kind of value, by argument; made by `cache.define`. */
export class Definition<A, T> {
  readonly #cache: TieredCache;
  readonly #options: DefinitionOptions<A, T>;

  constructor(cache: TieredCache, options: DefinitionOptions<A, T>) {
    for (const name of ['key', 'load'] as const) {
      if (typeof options?.[name] !== 'function') {
        throw new TypeError(`Expected \`${name}\` to be a function, got ${typeof options?.[name]}`);
      }
    }
    this.#cache = cache;
    this.#options = options;
  }

  /** Like `cache.get`. */
  get(argument: A, options: ReadOptions = {}): Promise<T> {
    return this.#cache.get<T>(
      this.#options.key(argument),
      (context) => this.#options.load(argument, context),
      { ...this.#keep(), ...options },
    );
  }

  /** Like `cache.getMany`: values in the order of the arguments. */
  getMany(list: readonly A[], options: ReadOptions = {}): Promise<(T | undefined)[]> {
    const { key, load, loadMany } = this.#options;
    const byKey = new Map(list.map((argument) => [key(argument), argument]));
    const of = (name: string) => byKey.get(name) as A;
    return this.#cache.getMany<T>(
      list.map(key),
      async (missing, context) => {
        if (loadMany === undefined) {
          return await Promise.all(
            missing.map((name) => load(of(name), { ...context, stale: undefined })),
          );
        }
        const result = await loadMany(missing.map(of), context);
        if (!(result instanceof Map)) return result as readonly (T | undefined)[];
        return missing.map((name) => result.get(of(name)));
      },
      { ...this.#keep(), ...options },
    );
  }

  /** Like `cache.warmUp`. */
  async warmUp(list: readonly A[]): Promise<void> {
    for (let i = 0; i < list.length; i += 500) await this.getMany(list.slice(i, i + 500));
  }

  /** Like `cache.set`. */
  async set(argument: A, value: T): Promise<{ id: LogId }> {
    const { tags, ttlMs } = this.#options;
    return await this.#cache.set(this.#options.key(argument), value, {
      ...(ttlMs === undefined ? undefined : { ttlMs }),
      ...(tags === undefined ? undefined : { tags: tags(value) }),
    });
  }

  /** Like `cache.writeThrough`. */
  writeThrough(argument: A, write: () => T | Promise<T>): Promise<WriteResult<T>> {
    return this.#cache.writeThrough(this.#options.key(argument), write, this.#keep());
  }

  /** Like `cache.invalidate`. */
  invalidate(argument: A, options?: InvalidateOptions): Promise<InvalidateResult> {
    return this.#cache.invalidate(this.#options.key(argument), options);
  }

  /** Like `cache.expire`. */
  expire(argument: A, options?: InvalidateOptions): Promise<InvalidateResult> {
    return this.#cache.expire(this.#options.key(argument), options);
  }

  #keep() {
    const { ttlMs, negativeTtlMs, tags } = this.#options;
    return {
      ...(ttlMs === undefined ? undefined : { ttlMs }),
      ...(negativeTtlMs === undefined ? undefined : { negativeTtlMs }),
      ...(tags === undefined ? undefined : { tags }),
    };
  }
}
