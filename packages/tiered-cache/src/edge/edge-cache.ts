import { EventEmitter } from 'eventemitter3';
import { integer, shown, wrong } from '../check.ts';
import { knownOptions } from '../known-options.ts';
import { purgeBatches, tagHeader } from './edge-tags.ts';
import { type Vendor, type VendorName, vendors } from './vendors.ts';

const MOST_TRIES = 5;
const MOST_MS = 2_147_483_647;

export interface EdgeCacheOptions {
  /** Whose headers and limits. */
  vendor: VendorName;
  /** Asks the edge to drop what carries one of these tags; rejects when it did not. */
  purge(tags: readonly string[]): Promise<void>;
  /** How far the farthest region lags, ms: the second purge comes after it. Default: 1,000. */
  regionLagMs?: number;
  /** Header of the tags, where the edge lets one choose (CloudFront). Default: the vendor's. */
  tagHeader?: string;
}

/** How the edge may keep a response. */
export interface EdgeMark {
  /** What `purge` knows the response by. */
  tags: readonly string[];
  /** How long the edge may serve it, ms. */
  ttlMs: number;
  /** How long after that while it fetches a new one, ms. Default: 0. */
  staleWhileRevalidateMs?: number;
  /** How long after that when the origin fails, ms. Default: 0. */
  staleIfErrorMs?: number;
  /** It is the same for everybody, though the request has Authorization or the response Set-Cookie. Default: false. */
  public?: boolean;
}

interface EdgeEvents {
  /** A response had more tags than the edge takes; coarse ones stand for them. */
  overflow: { readonly tags: number };
  /** A purge failed; the second one is tried again, five times in all. */
  purgeFailed: {
    readonly tags: readonly string[];
    readonly error: unknown;
    readonly tries: number;
  };
}

/** A request or response header, whoever made it. */
type HeaderValue = string | number | readonly string[] | undefined;

interface Kept {
  readonly tags: Set<string>;
  mark: Omit<EdgeMark, 'tags'>;
}

/**
 * The edge as one more tier: says how it may keep a response and by which tags it will be purged,
 * and purges twice, when a change is committed and when the farthest region must have it, for in
 * between the edge may have fetched the old page from there.
 */
export class EdgeCache {
  readonly #vendor: Vendor;
  readonly #purge: EdgeCacheOptions['purge'];
  readonly #regionLagMs: number;
  readonly #marks = new WeakMap<object, Kept>();
  readonly #second = new Map<NodeJS.Timeout, () => Promise<void>>();
  readonly #events = new EventEmitter<string>();

  /** @throws TypeError or RangeError when an option is wrong */
  constructor(options: EdgeCacheOptions) {
    const vendor = vendors[options?.vendor] as Vendor | undefined;
    if (vendor === undefined) {
      const known = Object.keys(vendors).join(', ');
      throw new RangeError(
        `Expected \`vendor\` to be one of ${known}, got ${shown(options?.vendor)}`,
      );
    }
    knownOptions(options, { vendor: true, purge: true, regionLagMs: true, tagHeader: true });
    if (typeof options.purge !== 'function')
      throw wrong('purge', 'to be a function', options.purge);
    this.#vendor = options.tagHeader ? { ...vendor, tagHeader: options.tagHeader } : vendor;
    this.#purge = options.purge;
    this.#regionLagMs = integer('regionLagMs', options.regionLagMs ?? 1_000, 0, MOST_MS);
  }

  on<Name extends keyof EdgeEvents>(
    name: Name,
    listener: (event: EdgeEvents[Name]) => void,
  ): () => void {
    this.#events.on(name, listener);
    return () => void this.#events.off(name, listener);
  }

  #emit<Name extends keyof EdgeEvents>(name: Name, event: EdgeEvents[Name]): void {
    for (const listener of this.#events.listeners(name)) {
      try {
        listener(event);
      } catch {
        // a listener is the caller's code watching; what it watches must go on
      }
    }
  }

  /**
   * Says how the response to `request` may be kept. Of several marks of one request the tags add
   * up, the shortest times count, and all must be `public`.
   *
   * @throws TypeError or RangeError when a time or the tags are wrong
   */
  mark(request: object, { tags, ...mark }: EdgeMark): void {
    integer('ttlMs', mark.ttlMs, 0, MOST_MS);
    for (const field of ['staleWhileRevalidateMs', 'staleIfErrorMs'] as const) {
      integer(field, mark[field] ?? 0, 0, MOST_MS);
    }
    checkTags(tags);
    const kept = this.#marks.get(request);
    if (kept === undefined) {
      this.#marks.set(request, { tags: new Set(tags), mark });
      return;
    }
    for (const tag of tags) kept.tags.add(tag);
    const least = (a = 0, b = 0) => Math.min(a, b);
    kept.mark = {
      ttlMs: Math.min(kept.mark.ttlMs, mark.ttlMs),
      staleWhileRevalidateMs: least(kept.mark.staleWhileRevalidateMs, mark.staleWhileRevalidateMs),
      staleIfErrorMs: least(kept.mark.staleIfErrorMs, mark.staleIfErrorMs),
      public: kept.mark.public === true && mark.public === true,
    };
  }

  /**
   * The headers of the response: for the browser to ask again each time, for the edge to keep it as
   * marked; not at all when nothing was marked, or when it is for one user only.
   */
  headers(
    request: object,
    authorization: HeaderValue,
    setCookie: HeaderValue,
  ): Record<string, string> {
    const { controlHeader, tagHeader: name } = this.#vendor;
    const kept = this.#marks.get(request);
    const isPersonal = authorization !== undefined || setCookie !== undefined;
    if (kept === undefined || kept.mark.ttlMs === 0 || (isPersonal && !kept.mark.public)) {
      const never = { 'Cache-Control': 'private, no-cache' };
      return controlHeader ? { ...never, [controlHeader]: 'no-store' } : never;
    }
    const { value, overflow } = tagHeader(kept.tags, this.#vendor);
    if (overflow) this.#emit('overflow', { tags: kept.tags.size });
    const control = controlOf(kept.mark);
    const browser = 'public, max-age=0, must-revalidate';
    const tags: Record<string, string> = value === '' ? {} : { [name]: value };
    if (controlHeader === undefined) {
      const shared = control.replace('max-age', 's-maxage');
      return { 'Cache-Control': `public, max-age=0, ${shared}`, ...tags };
    }
    return { 'Cache-Control': browser, [controlHeader]: control, ...tags };
  }

  /**
   * Purges what carries one of the tags, now, and again after `regionLagMs`. To be called after
   * `invalidateTags` of the cache.
   *
   * @throws TypeError when the tags are not an array of strings
   * @throws whatever `purge` rejects with the first time; the second comes all the same
   */
  async purge(tags: readonly string[]): Promise<void> {
    checkTags(tags);
    this.#again(tags, this.#regionLagMs, 1);
    await this.#purgeNow(tags, 1);
  }

  async #purgeNow(tags: readonly string[], tries: number): Promise<void> {
    try {
      await Promise.all(purgeBatches(tags, this.#vendor).map((batch) => this.#purge(batch)));
    } catch (error) {
      this.#emit('purgeFailed', { tags, error, tries });
      throw error;
    }
  }

  #again(tags: readonly string[], delayMs: number, tries: number): void {
    const run = async () => {
      clearTimeout(timer);
      this.#second.delete(timer);
      try {
        await this.#purgeNow(tags, tries);
      } catch {
        if (tries < MOST_TRIES) this.#again(tags, Math.max(delayMs, 100) * 2, tries + 1);
      }
    };
    const timer = setTimeout(() => void run(), delayMs).unref();
    this.#second.set(timer, run);
  }

  /** Makes the second purges that are still to come, now. */
  async close(): Promise<void> {
    await Promise.all([...this.#second.values()].map((run) => run()));
    for (const timer of this.#second.keys()) clearTimeout(timer);
    this.#second.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** A string would be taken for tags of one letter, and nothing would be purged. */
function checkTags(tags: unknown): void {
  if (!Array.isArray(tags)) throw wrong('tags', 'to be an array', tags);
  for (const tag of tags) {
    if (typeof tag !== 'string' || tag === '')
      throw wrong('tags', 'to hold non-empty strings', tag);
  }
}

function controlOf(mark: Omit<EdgeMark, 'tags'>): string {
  const seconds = (ms = 0) => Math.floor(ms / 1_000);
  const parts = [`max-age=${seconds(mark.ttlMs)}`];
  const { staleWhileRevalidateMs, staleIfErrorMs } = mark;
  if (staleWhileRevalidateMs)
    parts.push(`stale-while-revalidate=${seconds(staleWhileRevalidateMs)}`);
  if (staleIfErrorMs) parts.push(`stale-if-error=${seconds(staleIfErrorMs)}`);
  if (mark.public) parts.push('public');
  return parts.join(', ');
}
