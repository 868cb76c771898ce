import type { WaitingRoomStatus } from './status.ts';

/** The draw is told in so many parts; people who come later in seconds. */
export const DRAWN_BUCKETS = 1_024;
const MOST_STEPS = 600;
const MOST_REMEMBERED = 1_000_000;

/** The bucket of a place: of the draw, or the second after the opening. */
export function bucketOf(place: number): number {
  return place < 1 ? Math.floor(place * DRAWN_BUCKETS) : DRAWN_BUCKETS + Math.floor(place - 1);
}

/** The first place behind a bucket. */
export const boundOf = (bucket: number) =>
  bucket < DRAWN_BUCKETS ? (bucket + 1) / DRAWN_BUCKETS : bucket - DRAWN_BUCKETS + 2;

/**
 * The buckets as steps, at most some hundred of them: those that are admitted as a whole become one,
 * the others are drawn together in pairs until they fit. The one in which the border of the admitted runs stays as it is, or the
 * border would move back as the pairs change: whoever was let in would have to wait again.
 *
 * @param present buckets from this one on are not complete yet
 */
export function stepsOf(
  people: ReadonlyMap<number, number>,
  present: number,
  admitted: number,
): WaitingRoomStatus['steps'] {
  let sum = 0;
  let steps: WaitingRoomStatus['steps'] = [...people]
    .filter(([bucket]) => bucket < present)
    .sort(([a], [b]) => a - b)
    .map(([bucket, count]) => {
      sum += count;
      return [boundOf(bucket), sum];
    });
  const behind = steps.findIndex(([, upTo]) => upTo > admitted);
  if (behind > 1) steps = steps.slice(behind - 1);
  while (steps.length > MOST_STEPS)
    steps = steps.filter((_, i) => i < 2 || i % 2 === 1 || i === steps.length - 1);
  return steps;
}

/**
 * Arrivals of this process: counted once an account, then added up until Redis is told of them, and kept for the case
 * that Redis forgets them. A number for each part of the draw and each second since.
 */
export class Arrivals {
  #seen = new Set<number>();
  #counts = new Map<number, number>();
  readonly #told = new Map<number, number>();

  add(place: number): void {
    if (place < 1) {
      if (this.#seen.has(place)) return;
      if (this.#seen.size < MOST_REMEMBERED) this.#seen.add(place);
    }
    const bucket = bucketOf(place);
    addTo(this.#counts, [[bucket, 1]]);
  }

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  take(): [number, number][] {
    const taken = [...this.#counts];
    this.#counts = new Map();
    return taken;
  }

  /** What could not be told after all. */
  putBack(taken: readonly [number, number][]): void {
    addTo(this.#counts, taken);
  }

  /** What was taken has been told. */
  told(taken: readonly [number, number][]): void {
    addTo(this.#told, taken);
  }

  /** All of it is to be told again. */
  forgotten(): void {
    addTo(this.#counts, [...this.#told]);
    this.#told.clear();
  }
}

function addTo(counts: Map<number, number>, more: readonly [number, number][]): void {
  for (const [bucket, count] of more) counts.set(bucket, (counts.get(bucket) ?? 0) + count);
}
