import { onAbort } from './abort.ts';
import type { Ending } from './call.ts';
import type { Clock } from './clock.ts';

/** When a second call is made beside a slow first one. */
export interface HedgeSettings {
  readonly afterMs: number;
  readonly budget: number;
}

/** One of the two calls; its signal aborts when the other was faster. */
export type HedgedCall<T> = (ending: Ending, signal: AbortSignal) => Promise<T>;

/** Hedges that can be saved up while none is needed. */
const SAVED = 10;

/**
 * Makes a call a second time when the first has not answered after `afterMs`, and takes the answer that comes first. Of
 * all calls at most the share `budget` is made twice, so that a dependency slow for everybody does not get double the load.
 *
 * @see Dean and Barroso, The Tail at Scale, CACM 56(2), 2013
 */
export class Hedge {
  /** Second calls made. */
  made = 0;
  #allowance = 1;
  readonly #settings: HedgeSettings;
  readonly #clock: Clock;

  constructor(settings: HedgeSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  run<T>(call: HedgedCall<T>, ending: Ending, signal: AbortSignal | undefined): Promise<T> {
    this.#allowance = Math.min(SAVED, this.#allowance + this.#settings.budget);
    return new Promise<T>((resolve, reject) => {
      const controllers: AbortController[] = [];
      let open = 0;
      let isOver = false;
      const end = (kind: Ending['kind']): void => {
        isOver = true;
        ending.kind = kind;
        this.#clock.clearTimeout(timer);
        // AbortSignal.any() would leave a trace of each call on a signal that lives long
        stop?.();
      };
      const abort = (): void => {
        for (const controller of controllers) controller.abort(signal?.reason);
      };
      const stop = signal && onAbort(signal, abort);
      const start = (): void => {
        const controller = new AbortController();
        controllers.push(controller);
        const own: Ending = { kind: undefined };
        open += 1;
        call(own, controller.signal).then(
          (value) => {
            if (isOver) return;
            end(own.kind);
            for (const other of controllers) {
              if (other !== controller) other.abort(new Error('Another call answered first'));
            }
            resolve(value);
          },
          (error) => {
            open -= 1;
            // The other one may still answer; a first call that failed before its time is not hedged.
            if (isOver || open > 0) return;
            end(own.kind);
            reject(error);
          },
        );
      };
      const timer = this.#clock.setTimeout(() => {
        if (isOver || this.#allowance < 1) return;
        this.#allowance -= 1;
        this.made += 1;
        start();
      }, this.#settings.afterMs);
      start();
      if (signal?.aborted) abort();
    });
  }
}
