import { covers, type Position } from './position.ts';

/** Ten minutes at a look a second; a lag beyond what is kept is at least that long. */
const KEPT = 600;

interface Mark extends Position {
  readonly at: number;
}

/**
 * Tells how far a replica is behind from where the primary was when: a replica that lacks what the primary had at 12:00
 * is as far behind as 12:00 is away. Writes nothing, compares no clocks of two machines, and is 0 on an idle database
 * and right while replication is cut. At most one interval between two looks too low.
 *
 *     primary   1-a0 at 0 s   1-b0 at 1 s   1-c0 at 2 s      now 3 s
 *     replica   1-b8  has a0, b0, lacks c0 --> 1 s behind
 */
export class LagMeter {
  readonly #marks: Mark[] = [];

  /** Notes where the primary is now. */
  mark(position: Position, now: number): void {
    const last = this.#marks.at(-1);
    // While nothing is written, the first look at a position is what counts.
    if (last?.timeline === position.timeline && last.lsn === position.lsn) return;
    const { timeline, lsn } = position;
    this.#marks.push({ timeline, lsn, at: now });
    if (this.#marks.length > KEPT) this.#marks.shift();
  }

  /** O(marks). 0 as long as nothing is known of the primary. */
  lagMs(replica: Position, now: number): number {
    const lacked = this.#marks.find(
      (mark) => !(covers(replica, mark) || replica.timeline > mark.timeline),
    );
    return lacked === undefined ? 0 : Math.round(now - lacked.at);
  }
}
