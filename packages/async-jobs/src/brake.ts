import type { Clock } from './clock.ts';

/** When a queue is parked. */
export interface BrakeOptions {
  /** Different jobs that fail in a row, with no success between them, until the queue is parked. Default 25. */
  readonly failures?: number;
  /** Milliseconds between the probes of a parked queue. Default 5,000. */
  readonly probeMs?: number;
}

/** `released`: jobs run freely. `parked`: one probe at a time. `ramping`: few at a time, doubling. */
export type BrakeState = 'released' | 'parked' | 'ramping';

/**
 * Parks a queue whose jobs all fail, because what they depend on is down: without it, an hour of
 * a dead mail provider burns the attempts of every mail into the dead letters.
 *
 *     released --- `failures` jobs in a row fail, or a guard says no ---> parked
 *     parked   --- every `probeMs` one job may try; it succeeds --------> ramping, 2 at a time
 *     ramping  --- every success doubles that; at `limit` -------------> released
 *     ramping  --- a failure -------------------------------------------> parked
 *
 * A failure that parks the queue, or happens while it is parked or ramping, is no attempt.
 */
export class Brake {
  readonly #clock: Clock;
  readonly #failures: number;
  readonly #probeMs: number;
  readonly #limit: number;
  readonly #onChange: (state: BrakeState) => void;
  #state: BrakeState = 'released';
  #failed = new Set<string>();
  #running = 0;
  #allowed = 1;
  /** Set by the timer, not by comparing times: a timer may fire a millisecond early, a clock be set back. */
  #probeDue = false;
  #timer: unknown = null;
  #waiting: (() => void)[] = [];
  #stopped = false;

  constructor(
    clock: Clock,
    options: Required<BrakeOptions>,
    limit: number,
    onChange: (state: BrakeState) => void,
  ) {
    this.#clock = clock;
    this.#failures = options.failures;
    this.#probeMs = options.probeMs;
    this.#limit = limit;
    this.#onChange = onChange;
  }

  get state(): BrakeState {
    return this.#state;
  }

  /** Resolves when a job may try to start; at once when released. */
  async wait(): Promise<void> {
    if (this.#free() || this.#stopped) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Takes a place for one attempt; false when there is none: `wait` again. Every true needs an end. */
  tryStart(guard: (() => boolean) | undefined): boolean {
    if (!this.#free()) return false;
    if (guard && !open(guard)) {
      this.#park();
      return false;
    }
    this.#running++;
    return true;
  }

  /** The attempt succeeded. */
  succeeded(): void {
    this.#running--;
    this.#failed.clear();
    if (this.#state === 'released') return;
    this.#allowed = this.#state === 'parked' ? 2 : this.#allowed * 2;
    this.#clock.clearTimeout(this.#timer);
    this.#change(this.#allowed >= this.#limit ? 'released' : 'ramping');
    this.#wake();
  }

  /** The attempt of job `id` failed. True when that counts as an attempt. */
  failed(id: string): boolean {
    this.#running--;
    if (this.#state === 'released') {
      this.#failed.add(id);
      if (this.#failed.size < this.#failures) return true;
    }
    this.#park();
    return false;
  }

  /** The attempt ended in a way that tells nothing of the dependency. */
  ended(): void {
    this.#running--;
    this.#wake();
  }

  /** One who was let go does not start after all: another may. */
  decline(): void {
    this.#wake();
  }

  /** Lets everyone who waits go, to find that nothing starts any more. */
  stop(): void {
    this.#stopped = true;
    this.#clock.clearTimeout(this.#timer);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #free(): boolean {
    if (this.#state === 'released') return true;
    if (this.#state === 'ramping') return this.#running < this.#allowed;
    return this.#running === 0 && this.#probeDue;
  }

  #park(): void {
    this.#failed.clear();
    this.#allowed = 1;
    this.#probeDue = false;
    this.#clock.clearTimeout(this.#timer);
    if (!this.#stopped) this.#timer = this.#clock.setTimeout(() => this.#probe(), this.#probeMs);
    this.#change('parked');
  }

  #probe(): void {
    this.#probeDue = true;
    this.#wake();
  }

  #wake(): void {
    const places =
      this.#state === 'released' ? this.#waiting.length : this.#allowed - this.#running;
    if (places <= 0 || !this.#free()) return;
    for (const resolve of this.#waiting.splice(0, places)) resolve();
  }

  #change(state: BrakeState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#onChange(state);
  }
}

/** A guard that throws says nothing against the call. */
function open(guard: () => boolean): boolean {
  try {
    return guard();
  } catch {
    return true;
  }
}
