import type { Circuit } from './circuit.ts';

/** What keeps calls from a closed circuit, and lets calls past an open one. */
export interface AdmissionSettings {
  /** Share of the refusals that are carried out. */
  readonly enforce: number;
  /** Length of the recovery ramp; 0 without one. */
  readonly rampMs: number;
  /** Share let in at its beginning. */
  readonly rampFrom: number;
  /** Calls sent for each one that the dependency accepts; infinite without throttling. */
  readonly throttleK: number;
  readonly throttleCap: number;
}

/** Why a closed circuit refuses a call. */
export type PartialRefusal = 'recovering' | 'throttled';

/** The part of admission that is a matter of chance: off in most breakers, and then never asked. */
export class Admission {
  /** Refusals that were not carried out. */
  waved = 0;
  readonly #settings: AdmissionSettings;
  readonly #random: () => number;

  constructor(settings: AdmissionSettings, random: () => number) {
    this.#settings = settings;
    this.#random = random;
  }

  /** Why this call must not go although the circuit is closed. */
  refusal(circuit: Circuit, now: number): PartialRefusal | undefined {
    const { rampMs } = this.#settings;
    if (rampMs > 0 && circuit.attempt > 0 && now - circuit.since < rampMs) {
      const { rampFrom } = this.#settings;
      const share = rampFrom + ((1 - rampFrom) * (now - circuit.since)) / rampMs;
      if (this.#random() >= share) return 'recovering';
    }
    const p = this.throttling(circuit);
    return p > 0 && this.#random() < p ? 'throttled' : undefined;
  }

  /**
   * Chance to be refused: max(0, (requests - K * accepts) / (requests + 1)), at most the cap. A call counts when it has ended
   * or become slow: own refusals never do, nor does a call that may still be answered in time.
   *
   * @see https://sre.google/sre-book/handling-overload/#client-side-throttling-a7sYUg
   */
  throttling(circuit: Circuit): number {
    const { throttleK, throttleCap } = this.#settings;
    if (throttleK === Number.POSITIVE_INFINITY) return 0;
    const { calls, bad } = circuit.window;
    const p = (calls - throttleK * (calls - bad)) / (calls + 1);
    return Math.min(throttleCap, Math.max(0, p));
  }

  /** Whether a refusal is only told, and the call goes all the same. */
  waves(): boolean {
    const { enforce } = this.#settings;
    if (enforce === 1 || this.#random() < enforce) return false;
    this.waved += 1;
    return true;
  }
}
