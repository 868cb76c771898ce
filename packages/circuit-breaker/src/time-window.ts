import { type CallWindow, FAILED, SLOW, type Verdict } from './window.ts';

// ring:  | calls failed slow bad | calls failed slow bad | ...      one group of four per bucket
//                                  ^ group (mark % buckets)         mark = floor(now / bucketMs)
const FIELDS = 4;

/**
 * The calls of the last `durationMs`, to the precision of one bucket.
 *
 * A bad call counts when it is known to be bad, a good one in the bucket in which it *started*: its end then needs no
 * reading of the clock, which would be a quarter of the whole cost of a call. One whose bucket has left counts now.
 */
export class TimeWindow implements CallWindow {
  calls = 0;
  failed = 0;
  slow = 0;
  bad = 0;
  mark = 0;
  #markEndsAt = Number.NEGATIVE_INFINITY;
  readonly #bucketMs: number;
  readonly #buckets: number;
  readonly #ring: Uint32Array;

  constructor(durationMs: number, buckets: number) {
    this.#bucketMs = durationMs / buckets;
    this.#buckets = buckets;
    this.#ring = new Uint32Array(buckets * FIELDS);
  }

  advance(now: number): void {
    if (now >= this.#markEndsAt) this.#roll(now);
  }

  addGood(startMark: number): void {
    // Dropping a call that outlived its bucket would leave only the failures of a slow, healthy dependency.
    const mark = startMark > this.mark - this.#buckets ? startMark : this.mark;
    this.calls += 1;
    this.#bump((mark % this.#buckets) * FIELDS);
  }

  addBad(verdict: Verdict): number {
    const group = (this.mark % this.#buckets) * FIELDS;
    this.calls += 1;
    this.#bump(group);
    if (verdict & FAILED) {
      this.failed += 1;
      this.#bump(group + 1);
    }
    if (verdict & SLOW) {
      this.slow += 1;
      this.#bump(group + 2);
    }
    this.bad += 1;
    this.#bump(group + 3);
    return this.mark;
  }

  amend(mark: number): boolean {
    if (mark <= this.mark - this.#buckets) return false;
    this.failed += 1;
    this.#bump((mark % this.#buckets) * FIELDS + 1);
    return true;
  }

  clear(): void {
    this.#ring.fill(0);
    this.calls = this.failed = this.slow = this.bad = 0;
  }

  #bump(index: number): void {
    this.#ring[index] = (this.#ring[index] as number) + 1;
  }

  /** Takes what falls out off the totals; at most one turn of the ring however long nothing happened. */
  #roll(now: number): void {
    const mark = Math.floor(now / this.#bucketMs);
    const steps = Math.min(mark - this.mark, this.#buckets);
    for (let step = 1; step <= steps; step += 1) {
      const group = ((mark - steps + step) % this.#buckets) * FIELDS;
      this.calls -= this.#take(group);
      this.failed -= this.#take(group + 1);
      this.slow -= this.#take(group + 2);
      this.bad -= this.#take(group + 3);
    }
    this.mark = mark;
    this.#markEndsAt = (mark + 1) * this.#bucketMs;
  }

  #take(index: number): number {
    const count = this.#ring[index] as number;
    this.#ring[index] = 0;
    return count;
  }
}
