import { type EncodedRanges, encodeRanges, type OffsetRange } from './run-length-map.ts';

const NONE: ReadonlySet<number> = new Set();

/**
 * What of one partition has been received and finished.
 *
 *     received   97 98 99 100 101 102 103      97 .. 99 finished and forgotten
 *     finished    x  x  x   .   x   x   .      position() = 100, the lowest unfinished offset
 *     metadata()               101-102         finished out of order, above the position
 *
 * Only unfinished offsets are kept, so a job that waits for an hour costs one entry however much
 * is finished behind it. Offsets that were never received (compacted, transaction markers) lie
 * between received ones and count as finished: the log will not show them any more.
 */
export class OffsetTracker {
  /** Offsets below were committed when the partition was assigned; null when nothing was. */
  readonly floor: number | null;
  readonly #restored: readonly OffsetRange[];
  #restoredIndex = 0;
  /** Unfinished, in the order of offsets: a Set keeps the order of insertion. */
  readonly #open = new Set<number>();
  #last: number;
  /** Reading has come so far since the partition was assigned; it goes up only. */
  #read: number;

  constructor(floor: number | null, restored: readonly OffsetRange[] = []) {
    this.floor = floor;
    this.#restored = restored;
    this.#last = floor === null ? -1 : floor - 1;
    this.#read = this.#last + 1;
  }

  /** Received offsets that are not finished. */
  get pending(): number {
    return this.#open.size;
  }

  /** The offset after the last received one. */
  get next(): number {
    return this.#last + 1;
  }

  /**
   * Notes a received offset. False when there is nothing to do: it was received before, or
   * finished before a crash. Amortised O(1).
   */
  receive(offset: number): boolean {
    this.#read = offset + 1;
    if (offset <= this.#last) return false;
    this.#last = offset;
    if (this.#wasRestored(offset)) return false;
    this.#open.add(offset);
    return true;
  }

  /** The partition was assigned anew: it is read again, from here or later. */
  rewind(offset: number): void {
    this.#read = offset;
  }

  /** True for an offset below those that were just read: it is another log. */
  isBehind(offset: number): boolean {
    return offset < this.#read;
  }

  /** Marks a received offset as finished. O(1). */
  complete(offset: number): void {
    this.#open.delete(offset);
  }

  /** The offset to commit: everything below is finished. Null when nothing is known yet. */
  position(also = NONE): number | null {
    for (const lowest of this.#open) if (!also.has(lowest)) return lowest;
    return this.#last === -1 ? this.floor : this.#last + 1;
  }

  /** The finished offsets above the position, as if those of `also` were finished too. O(pending). */
  metadata(budgetBytes: number, also = NONE): EncodedRanges {
    const position = this.position(also);
    if (position === null) return { text: '', isWhole: true };
    return encodeRanges(position, this.#finished(position, also), budgetBytes);
  }

  *#finished(position: number, also: ReadonlySet<number>): Generator<OffsetRange> {
    let next = position;
    for (const open of this.#open) {
      if (also.has(open)) continue;
      if (open > next) yield { from: next, to: open - 1 };
      next = open + 1;
    }
    if (next <= this.#last && next > position) yield { from: next, to: this.#last };
    // Finished before the crash and not yet read again: forgotten here, they would run twice after the next crash
    for (const range of this.#restored) {
      const from = Math.max(range.from, this.#last + 1);
      if (from <= range.to) yield { from, to: range.to };
    }
  }

  #wasRestored(offset: number): boolean {
    for (; this.#restoredIndex < this.#restored.length; this.#restoredIndex++) {
      const range = this.#restored[this.#restoredIndex] as OffsetRange;
      if (offset <= range.to) return offset >= range.from;
    }
    return false;
  }
}
