import type { Fences } from './fences.ts';
import { isNewer, type LogId, newest, START } from './log-id.ts';

/** One read or load under way, which all callers of the key wait for. */
export class Flight {
  readonly key: string;
  readonly promise: Promise<unknown>;
  settled = false;
  #detached = false;
  #floor: LogId = START;
  #resolve!: (value: unknown) => void;
  #reject!: (error: unknown) => void;
  readonly #fences: Fences;
  readonly #fence: LogId;
  readonly #era: number;

  constructor(key: string, fences: Fences) {
    this.key = key;
    this.#fences = fences;
    this.#fence = fences.of(key);
    this.#era = fences.era;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /**
   * Whether what a replica gave as of `asOf` may be used. The fence of the key holds as it was when
   * the flight began, even when it is lifted meanwhile: the replica may have answered before it had
   * the write. And when near has gone back meanwhile, no replica's answer counts: nobody can tell
   * whether it came before near had caught up with what was known when the flight began.
   */
  mayUse(asOf: LogId): boolean {
    return this.#era === this.#fences.era && !isNewer(this.#fence, asOf);
  }

  resolve(value: unknown): void {
    this.settled = true;
    this.#resolve(value);
  }

  reject(error: unknown): void {
    this.settled = true;
    this.#reject(error);
  }

  /** Whether a result as of `asOf` may enter the local tier. */
  mayFill(asOf: LogId): boolean {
    return !this.#detached && !isNewer(this.#floor, asOf);
  }

  detach(): void {
    this.#detached = true;
  }

  raiseFloor(id: LogId): void {
    this.#floor = newest(this.#floor, id);
  }
}

/**
 * The flights of this process that can be joined. A change of the key detaches its flight: who
 * waits gets its result, which may be as of before; who comes later starts another; and what it
 * brings never enters the local tier.
 */
export class Flights {
  readonly #byKey = new Map<string, Flight>();

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): Flight | undefined {
    return this.#byKey.get(key);
  }

  begin(key: string, fences: Fences): Flight {
    const flight = new Flight(key, fences);
    this.#byKey.set(key, flight);
    return flight;
  }

  end(flight: Flight): void {
    if (this.#byKey.get(flight.key) === flight) this.#byKey.delete(flight.key);
  }

  detach(key: string): void {
    this.#byKey.get(key)?.detach();
    this.#byKey.delete(key);
  }

  detachAll(): void {
    for (const flight of this.#byKey.values()) flight.detach();
    this.#byKey.clear();
  }

  /** Changes are heard from `id` on: what is as of before could have missed one. */
  raiseFloor(id: LogId): void {
    for (const flight of this.#byKey.values()) flight.raiseFloor(id);
  }
}
