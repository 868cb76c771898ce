import { object, wrong } from './check.ts';
import { unknownOption } from './known-options.ts';
import type { LogId } from './log-id.ts';
import type {
  BulkResult,
  InvalidateOptions,
  InvalidateResult,
  KeepOptions,
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

const OPTIONS: readonly string[] = [
  'key',
  'load',
  'loadMany',
  'ttlMs',
  'negativeTtlMs',
  'tags',
] satisfies (keyof DefinitionOptions<unknown, unknown>)[];

/** The cache of one kind of value, by argument; made by `cache.define`. */
export class Definition<A, T> {
  readonly #cache: TieredCache;
  readonly #options: DefinitionOptions<A, T>;
  /** The same for every call: a hit makes no options. */
  readonly #keep: KeepOptions<T>;

  constructor(cache: TieredCache, options: DefinitionOptions<A, T>) {
    for (const name of ['key', 'load'] as const) {
      if (typeof options?.[name] !== 'function') {
        throw new TypeError(`Expected \`${name}\` to be a function, got ${typeof options?.[name]}`);
      }
    }
    // its methods may use fields of its own, but hardly one that is nearly called like an option
    for (const name in options) {
      if (!OPTIONS.includes(name) && isNearlyOption(name)) throw unknownOption(name, OPTIONS);
    }
    const { ttlMs, negativeTtlMs, tags } = options;
    this.#cache = cache;
    this.#options = options;
    this.#keep = {
      ...(ttlMs === undefined ? undefined : { ttlMs }),
      ...(negativeTtlMs === undefined ? undefined : { negativeTtlMs }),
      ...(tags === undefined ? undefined : { tags }),
    };
  }

  /** Like `cache.get`. */
  get(argument: A, options?: ReadOptions): Promise<T> {
    try {
      return this.#cache.get<T>(
        this.#options.key(argument),
        (context) => this.#options.load(argument, context),
        options === undefined ? this.#keep : { ...this.#keep, ...object('options', options) },
      );
    } catch (error) {
      return Promise.reject(error); // of `key`
    }
  }

  /** Like `cache.getMany`: values in the order of the arguments. */
  async getMany(list: readonly A[], options: ReadOptions = {}): Promise<(T | undefined)[]> {
    if (!Array.isArray(list)) throw wrong('list', 'to be an array', list);
    const keys = list.map((argument) => this.#options.key(argument));
    const byKey = new Map(keys.map((key, i) => [key, list[i] as A]));
    return await this.#cache.getMany<T>(
      keys,
      (missing, context) => this.#loadMany(missing, byKey, context),
      { ...this.#keep, ...object('options', options) },
    );
  }

  async #loadMany(
    missing: readonly string[],
    byKey: ReadonlyMap<string, A>,
    context: { readonly signal: AbortSignal },
  ): Promise<readonly (T | undefined)[]> {
    const list = missing.map((key) => byKey.get(key) as A);
    if (this.#options.loadMany === undefined) {
      const each = { ...context, stale: undefined };
      return await Promise.all(list.map((argument) => this.#options.load(argument, each)));
    }
    const result = await this.#options.loadMany(list, context);
    if (!(result instanceof Map)) return result as readonly (T | undefined)[];
    return list.map((argument) => result.get(argument));
  }

  /** Like `cache.warmUp`. */
  async warmUp(list: readonly A[]): Promise<void> {
    if (!Array.isArray(list)) throw wrong('list', 'to be an array', list);
    for (let i = 0; i < list.length; i += 500) await this.getMany(list.slice(i, i + 500));
  }

  /** Like `cache.set`. */
  async set(argument: A, value: T): Promise<{ id: LogId }> {
    const { ttlMs, tags } = this.#keep;
    return await this.#cache.set(this.#options.key(argument), value, {
      ...(ttlMs === undefined ? undefined : { ttlMs }),
      ...(typeof tags === 'function' ? { tags: tags(value) } : undefined),
    });
  }

  /** Like `cache.writeThrough`. */
  async writeThrough(argument: A, write: () => T | Promise<T>): Promise<WriteResult<T>> {
    return await this.#cache.writeThrough(this.#options.key(argument), write, this.#keep);
  }

  /** Like `cache.invalidate`. */
  async invalidate(argument: A, options?: InvalidateOptions): Promise<InvalidateResult> {
    return await this.#cache.invalidate(this.#options.key(argument), options);
  }

  /** Like `cache.expire`. */
  async expire(argument: A, options?: InvalidateOptions): Promise<InvalidateResult> {
    return await this.#cache.expire(this.#options.key(argument), options);
  }
}

/** Whether few letters have to be changed for the name of an option. */
function isNearlyOption(name: string): boolean {
  const few = Math.max(2, name.length / 3);
  return OPTIONS.some((one) => editDistance(name.toLowerCase(), one.toLowerCase()) <= few);
}

/** @see https://en.wikipedia.org/wiki/Wagner%E2%80%93Fischer_algorithm row by row */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 0; i < from.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j += 1) {
      const swapped = (row[j] as number) + (from[i] === to[j] ? 0 : 1);
      next.push(Math.min(swapped, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row[to.length] as number;
}
