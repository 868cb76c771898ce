import type { Priority } from './define-job.ts';

const WEIGHTS: Readonly<Record<Priority, number>> = { high: 8, normal: 3, low: 1 };

/** Work that waits for a place, first come, first served; a queue with a moving head. */
interface Line {
  readonly weight: number;
  readonly waiting: (() => void)[];
  next: number;
  /** Credit of the smooth weighted round robin. */
  credit: number;
}

/**
 * At most `limit` at a time. When several priorities wait, places are given out 8 : 3 : 1, evenly
 * mixed; a priority that nobody waits with leaves its share to the others, and none starves.
 *
 * @see https://github.com/phusion/nginx/commit/27e94984486058d73157038f7950a0a36ecc6e35 smooth weighted round robin
 */
export class Places {
  readonly #limit: number;
  readonly #lines: Readonly<Record<Priority, Line>>;
  #taken = 0;
  #waiting = 0;

  constructor(limit: number) {
    this.#limit = limit;
    const line = (weight: number): Line => ({ weight, waiting: [], next: 0, credit: 0 });
    this.#lines = {
      high: line(WEIGHTS.high),
      normal: line(WEIGHTS.normal),
      low: line(WEIGHTS.low),
    };
  }

  /** Runs `work` when there is a place for it. O(1). */
  async run<T>(priority: Priority, work: () => Promise<T>): Promise<T> {
    if (this.#taken < this.#limit) this.#taken++;
    else await this.#wait(priority);
    try {
      return await work();
    } finally {
      if (this.#waiting > 0) this.#choose()();
      else this.#taken--;
    }
  }

  #wait(priority: Priority): Promise<void> {
    this.#waiting++;
    return new Promise((resolve) => this.#lines[priority].waiting.push(resolve));
  }

  #choose(): () => void {
    this.#waiting--;
    let best: Line | undefined;
    let total = 0;
    for (const line of Object.values(this.#lines)) {
      if (line.next === line.waiting.length) continue;
      total += line.weight;
      line.credit += line.weight;
      if (!best || line.credit > best.credit) best = line;
    }
    const chosen = best as Line;
    chosen.credit -= total;
    const go = chosen.waiting[chosen.next++] as () => void;
    if (chosen.next === chosen.waiting.length || chosen.next > 1_000) {
      chosen.waiting.splice(0, chosen.next);
      chosen.next = 0;
    }
    return go;
  }
}
