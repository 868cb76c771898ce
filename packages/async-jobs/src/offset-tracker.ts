import { encodeRanges, type OffsetRange } from './run-length-map.ts';

/** One received offset. The tracker hands it out and takes it back when its job is done. */
export interface TrackedOffset {
  readonly offset: number;
  done: boolean;
}

/**
 * What of one partition has been received and finished.
 *
 *     received   97 98 99 100 101 102 103      97 .. 99 finished and forgotten
 *     finished    x  x  x   .   x   x   .      position() = 100, the lowest unfinished offset
 *     metadata()               101-102         finished out of order, above the position
 *
 * Only offsets that were received count: compacted offsets and transaction markers leave gaps in
 * the log that no consumer ever sees.
 */
export class OffsetTracker {
  /** Offsets below were committed when the partition was assigned; null when nothing was. */
  readonly floor: number | null;
  readonly #restored: readonly OffsetRange[];
  #restoredIndex = 0;
  #window: TrackedOffset[] = [];
  #head = 0;
  #last: number;

  constructor(floor: number | null, restored: readonly OffsetRange[] = []) {
    this.floor = floor;
    this.#restored = restored;
    this.#last = floor === null ? -1 : floor - 1;
  }

  /** Received offsets that are not finished, or finished above one that is not. */
  get pending(): number {
    return this.#window.length - this.#head;
  }

  /**
   * Notes a received offset. Gives null when there is nothing to do: it was received before, or
   * finished before a crash. Amortised O(1).
   */
  receive(offset: number): TrackedOffset | null {
    if (offset <= this.#last) return null;
    this.#last = offset;
    const done = this.#wasRestored(offset);
    const entry = { offset, done };
    this.#window.push(entry);
    if (!done) return entry;
    this.#advance();
    return null;
  }

  /** Marks an offset of `receive` as finished. Amortised O(1). */
  complete(entry: TrackedOffset): void {
    entry.done = true;
    this.#advance();
  }

  /** The offset to commit: everything below is finished. Null when nothing is known yet. */
  position(): number | null {
    const head = this.#window[this.#head];
    if (head) return head.offset;
    return this.#last === -1 ? this.floor : this.#last + 1;
  }

  /** The finished offsets above the position, as text. O(pending). */
  metadata(budgetBytes: number): string {
    const position = this.position();
    return position === null ? '' : encodeRanges(position, this.#finished(), budgetBytes);
  }

  *#finished(): Generator<OffsetRange> {
    let from: number | null = null;
    let to = 0;
    for (let i = this.#head; i < this.#window.length; i++) {
      const { offset, done } = this.#window[i] as TrackedOffset;
      if (done) {
        from ??= offset;
        to = offset;
      } else if (from !== null) {
        yield { from, to };
        from = null;
      }
    }
    if (from !== null) yield { from, to };
    // Finished before the crash and not yet read again: forgotten here, they would run twice after the next crash
    for (const range of this.#restored) {
      const first = Math.max(range.from, this.#last + 1);
      if (first <= range.to) yield { from: first, to: range.to };
    }
  }

  #wasRestored(offset: number): boolean {
    for (; this.#restoredIndex < this.#restored.length; this.#restoredIndex++) {
      const range = this.#restored[this.#restoredIndex] as OffsetRange;
      if (offset <= range.to) return offset >= range.from;
    }
    return false;
  }

  #advance(): void {
    while (this.#window[this.#head]?.done) this.#head++;
    if (this.#head > 512 && this.#head * 2 > this.#window.length) {
      this.#window = this.#window.slice(this.#head);
      this.#head = 0;
    }
  }
}
