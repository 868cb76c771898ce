import type { BulkLoader, BulkResult, Loader, LoaderContext } from './options.ts';

interface Wanted {
  readonly key: string;
  readonly signal: AbortSignal;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * Joins the loads of many keys into one call: it is made when of every key it is known whether some
 * tier has it, this process is to load it, or somebody else does. What has to be loaded later after
 * all is joined by turns of the event loop.
 */
export class BulkLoad {
  readonly #loadMany: BulkLoader<unknown>;
  readonly #undecided: Set<string>;
  #wanted: Wanted[] = [];

  constructor(keys: Iterable<string>, loadMany: BulkLoader<unknown>) {
    this.#undecided = new Set(keys);
    this.#loadMany = loadMany;
  }

  loaderOf(key: string): Loader<unknown> {
    return ({ signal }: LoaderContext<unknown>) =>
      new Promise((resolve, reject) => {
        this.#wanted.push({ key, signal, resolve, reject });
        if (this.#undecided.size > 0) this.decided(key);
        else if (this.#wanted.length === 1) setImmediate(() => void this.#load());
      });
  }

  /** The key is answered, or somebody else loads it. */
  decided(key: string): void {
    if (this.#undecided.delete(key) && this.#undecided.size === 0) void this.#load();
  }

  async #load(): Promise<void> {
    const wanted = this.#wanted;
    const [first] = wanted;
    if (first === undefined) return;
    this.#wanted = [];
    const keys = wanted.map(({ key }) => key);
    try {
      const result = checked(await this.#loadMany(keys, { signal: first.signal }), keys.length);
      for (const [i, { key, resolve }] of wanted.entries()) {
        resolve('get' in result ? result.get(key) : result[i]);
      }
    } catch (error) {
      for (const { reject } of wanted) reject(error);
    }
  }
}

function checked(result: BulkResult<string, unknown>, count: number): typeof result {
  if (result instanceof Map) return result;
  if (Array.isArray(result) && result.length === count) return result;
  const got = Array.isArray(result) ? `${result.length}` : typeof result;
  throw new TypeError(`Expected \`loadMany\` to give a Map or an array of ${count}, got ${got}`);
}
