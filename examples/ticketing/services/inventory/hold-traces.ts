/**
 * A buyer takes seats in one request and pays for them in another, minutes later: two traces. Which one took a hold is kept
 * beside it in Redis while it may be paid, and the order's span is linked to it. Without tracing nothing is asked or kept,
 * and what cannot be had is not waited for: a trace is worth no sale.
 */
import type { Redis } from 'ioredis';
import type { RedisPulse } from '../redis-pulse.ts';
import { linkTo, traceContext } from '../tracing.ts';

/** longer than a hold lives: extended once, and once more for its payment */
const lifetimes = 4;

export class HoldTraces {
  readonly #redis: Pick<Redis, 'get' | 'set'>;
  readonly #pulse: RedisPulse;
  readonly #prefix: string;
  readonly #keepMs: number;

  constructor(options: {
    redis: Pick<Redis, 'get' | 'set'>;
    pulse: RedisPulse;
    namespace: string;
    holdTtlMs: number;
  }) {
    this.#redis = options.redis;
    this.#pulse = options.pulse;
    this.#prefix = `${options.namespace}:hold-trace:`;
    this.#keepMs = lifetimes * options.holdTtlMs;
  }

  /** In the request that takes the hold. */
  async keep(holdId: string): Promise<void> {
    const headers = traceContext();
    if (!headers) return;
    const key = this.#prefix + holdId;
    await this.#pulse
      .guard(() => this.#redis.set(key, headers.traceparent, 'PX', this.#keepMs))
      .catch(() => {});
  }

  /** In the request that pays for it. */
  async link(holdId: string): Promise<void> {
    if (!traceContext()) return;
    const traceparent = await this.#pulse
      .guard(() => this.#redis.get(this.#prefix + holdId))
      .catch(() => null);
    if (traceparent) linkTo({ traceparent });
  }
}
