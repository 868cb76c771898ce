/**
 * A token bucket an address, in this process alone: it asks nobody, so it still works when everything
 * else is at its end. Several gateways let through that many times as much.
 * @see https://www.rfc-editor.org/rfc/rfc2697 the token bucket
 */
export type RateLimitOptions = {
  /** requests a second that an address may go on with */
  perSecond: number;
  /** how many it may send at a time after a rest. Default: those of four seconds */
  burst?: number;
  /** addresses remembered; the one not heard of for longest is forgotten first. Default 100,000 */
  maxAddresses?: number;
  /** monotonic time in ms */
  clock?: () => number;
};

type Bucket = { tokens: number; at: number };

export class RateLimit {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #maxAddresses: number;
  readonly #clock: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: RateLimitOptions) {
    this.#perMs = options.perSecond / 1_000;
    this.#burst = options.burst ?? options.perSecond * 4;
    this.#maxAddresses = options.maxAddresses ?? 100_000;
    this.#clock = options.clock ?? (() => performance.now());
  }

  /** 0 when the request may pass, else after how many ms the next one may. O(1). */
  take(address: string): number {
    const now = this.#clock();
    const known = this.#buckets.get(address);
    // deleted and set again, so that the map's order is who was heard of last
    this.#buckets.delete(address);
    const tokens = known
      ? Math.min(this.#burst, known.tokens + (now - known.at) * this.#perMs)
      : this.#burst;
    const passes = tokens >= 1;
    this.#buckets.set(address, { tokens: passes ? tokens - 1 : tokens, at: now });
    if (this.#buckets.size > this.#maxAddresses) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    return passes ? 0 : Math.ceil((1 - tokens) / this.#perMs);
  }

  get size(): number {
    return this.#buckets.size;
  }
}
