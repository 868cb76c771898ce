interface Lane<T> {
  readonly waiting: T[];
  next: number;
  parked: boolean;
}

/**
 * Work in lanes: one item of a key at a time, in order; different keys side by side. A lane exists
 * only while it has work. `run` must not reject.
 */
export class Lanes<T> {
  readonly #run: (item: T) => Promise<void>;
  readonly #lanes = new Map<string, Lane<T>>();
  #parked = 0;

  constructor(run: (item: T) => Promise<void>) {
    this.#run = run;
  }

  /** Lanes that have work. */
  get size(): number {
    return this.#lanes.size;
  }

  /** Items in parked lanes, the one that waits included. */
  get parked(): number {
    return this.#parked;
  }

  /** Adds an item to the end of its lane. O(1). */
  push(key: string, item: T): void {
    const lane = this.#lanes.get(key);
    if (lane) {
      lane.waiting.push(item);
      if (lane.parked) this.#parked++;
      return;
    }
    const opened: Lane<T> = { waiting: [item], next: 0, parked: false };
    this.#lanes.set(key, opened);
    void this.#work(key, opened);
  }

  /** Says that a lane's item at work waits for long; `unpark` when it goes on. */
  park(key: string): void {
    const lane = this.#lanes.get(key);
    if (!lane || lane.parked) return;
    lane.parked = true;
    this.#parked += lane.waiting.length - lane.next + 1;
  }

  unpark(key: string): void {
    const lane = this.#lanes.get(key);
    if (!lane?.parked) return;
    lane.parked = false;
    this.#parked -= lane.waiting.length - lane.next + 1;
  }

  async #work(key: string, lane: Lane<T>): Promise<void> {
    while (lane.next < lane.waiting.length) {
      await this.#run(lane.waiting[lane.next++] as T);
      if (lane.next > 100 && lane.next * 2 > lane.waiting.length) {
        lane.waiting.splice(0, lane.next);
        lane.next = 0;
      }
    }
    this.#lanes.delete(key);
  }
}
