import { isAbortSignal, onAbort, untilAborted } from './abort.ts';
import type { Call, CallContext, Ending } from './call.ts';
import type { ExecuteOptions, Outcome, WrapOptions } from './call-options.ts';
import { Circuit, type CircuitState } from './circuit.ts';
import {
  BreakerClosedError,
  type CircuitBreakerError,
  CircuitIsolatedError,
  CircuitOpenError,
  stackless,
} from './errors.ts';
import { type CircuitBreakerEvents, Listeners } from './events.ts';
import { answerInstead, isFallbackKind, remember, toSteps } from './fallback.ts';
import type { HealthCheck } from './health-check.ts';
import { InFlight } from './in-flight.ts';
import { type Isolation, Isolations } from './isolation.ts';
import type { CircuitBreakerOptions } from './options.ts';
import { Permit } from './permit.ts';
import { isObject, optionalFunction, type Settings, toSettings, wrongType } from './settings.ts';
import { type CircuitBreakerSnapshot, countsOf } from './snapshot.ts';

/**
 * Stands between a service and one dependency, and stops calling it while it is sick: failing, or slow.
 *
 * A call is judged while it is in flight: after `slow.afterMs` it counts as slow, without waiting for the end that may
 * come half a minute later. Make one breaker for each dependency, not for each function.
 *
 * ```typescript
 * const payments = new CircuitBreaker({ name: 'payments' });
 * const receipt = await payments.execute(({ signal }) => fetch(url, { signal }));
 * ```
 */
export class CircuitBreaker implements AsyncDisposable {
  readonly name: string;
  readonly #settings: Settings;
  readonly #circuit: Circuit;
  readonly #inFlight: InFlight;
  readonly #listeners: Listeners;
  #isolations: Isolations | undefined = undefined;
  /** Isolated or shut down: no call is let through, whatever the circuit says. */
  #barred = false;
  #closing = false;

  /**
   * @throws TypeError when an option has the wrong type or is unknown
   * @throws RangeError when an option is out of range
   */
  constructor(options: CircuitBreakerOptions) {
    this.#settings = toSettings(options);
    this.name = options.name;
    this.#listeners = new Listeners(this.name);
    this.#circuit = new Circuit(this.#settings, this.#listeners);
    this.#inFlight = new InFlight(this.#settings, this.#circuit, this.#listeners);
  }

  /**
   * Makes a call, unless the circuit is open. The action may return a value, a promise or a thenable, or throw.
   *
   * Never throws synchronously. Rejects with whatever the action threw, or with
   * - `CircuitOpenError`, `CircuitIsolatedError`, `BreakerClosedError`: the call was not made;
   * - `CallTimeoutError`: it took longer than `timeoutMs`;
   * - the reason of `signal` when that aborts;
   * - `TypeError` when an argument is wrong.
   */
  execute<T, F = never>(
    action: (context: CallContext) => T | PromiseLike<T>,
    options?: ExecuteOptions<F>,
  ): Promise<T | F> {
    if (options === undefined) return this.#execute(action, undefined, undefined);
    if (options !== null && options.fallback === undefined) {
      return this.#execute(action, options.signal, undefined);
    }
    return this.outcome(action, options).then((outcome) => outcome.value);
  }

  /** As {@link execute}, and says who answered: the call or a fallback step. */
  async outcome<T, F = never>(
    action: (context: CallContext) => T | PromiseLike<T>,
    options: ExecuteOptions<F> = {},
  ): Promise<Outcome<T | F>> {
    if (!isObject(options)) throw wrongType('options', 'an object', options);
    const { fallback = [], signal, key, args = [] } = options;
    if (key !== undefined && typeof key !== 'string') throw wrongType('key', 'a string', key);
    const steps = toSteps(fallback, key);
    const ending: Ending = { kind: undefined };
    try {
      const value = await this.#execute(action, signal, ending);
      if (ending.kind === 'success') remember(steps, value, key, this.#settings.clock.now());
      return { value, source: 'call' };
    } catch (error) {
      if (!isFallbackKind(ending.kind)) throw error;
      const now = this.#settings.clock.now();
      const context = { name: this.name, kind: ending.kind, key, signal, now };
      const answer = await answerInstead(steps, error, args, context);
      this.#inFlight.totals.fallbacks += 1;
      this.#listeners.emit('fallback', { source: answer.source, error });
      return { ...answer, error };
    }
  }

  /**
   * The same function behind this breaker: same arguments, same `this`.
   *
   * @throws TypeError when `fn` is not a function
   */
  wrap<This, A extends unknown[], T, F = never>(
    fn: (this: This, ...args: A) => T | PromiseLike<T>,
    options: WrapOptions<A, F> = {},
  ): (this: This, ...args: A) => Promise<T | F> {
    if (typeof fn !== 'function') throw wrongType('fn', 'a function', fn);
    if (!isObject(options)) throw wrongType('options', 'an object', options);
    const breaker = this;
    const { fallback, key } = options;
    if (key !== undefined && typeof key !== 'function') throw wrongType('key', 'a function', key);
    if (fallback === undefined) {
      return function (...args) {
        return breaker.execute(() => fn.apply(this, args));
      };
    }
    return async function (...args) {
      return breaker.execute(() => fn.apply(this, args), { fallback, args, key: key?.(...args) });
    };
  }

  /**
   * Two-step use, for work that is not one promise: asks for leave first, settles it later.
   *
   * @throws CircuitOpenError, CircuitIsolatedError, BreakerClosedError when the call may not be made
   */
  acquire(): Permit {
    const now = this.#settings.clock.now();
    const refusal = this.#enter(now);
    if (refusal !== undefined) throw refusal;
    const call = this.#inFlight.begin(now, undefined);
    return new Permit(this.name, (how, error) => this.#inFlight.end(call, how, error));
  }

  /**
   * Holds the circuit open by hand until every handle is released; the circuit then goes on where it stood.
   *
   * @throws TypeError when `reason` is not a string
   */
  isolate(reason: string): Isolation {
    if (typeof reason !== 'string') throw wrongType('reason', 'a string', reason);
    const from = this.state;
    this.#isolations ??= new Isolations();
    this.#barred = true;
    this.#listeners.isolated = true;
    const isolation = this.#isolations.hold(reason, () => {
      const to = this.#circuit.kind;
      this.#barred = this.#closing;
      this.#listeners.isolated = false;
      this.#listeners.emit(to, { from: 'isolated', to, reason: 'released' });
    });
    if (from !== 'isolated') {
      this.#listeners.emit('isolated', { from, to: 'isolated', reason: 'isolated' });
    }
    return isolation;
  }

  /**
   * Opens a closed circuit on evidence from elsewhere: the verdict of other processes, an alarm. It closes again by its own
   * probes; to keep it open use {@link isolate}.
   */
  trip(): void {
    const now = this.#settings.clock.now();
    this.#refresh(now);
    this.#circuit.trip(now);
  }

  /**
   * Lets someone else have a say in when the circuit is probed: while `gate` answers false a half-open circuit refuses,
   * as if the probes were under way. It is asked synchronously, must not throw, and `undefined` takes it away.
   *
   * @throws TypeError when `gate` is neither a function nor undefined
   */
  gateProbes(gate: (() => boolean) | undefined): void {
    this.#circuit.gateProbes(optionalFunction('gate', gate));
  }

  /** Where the circuit stands now. */
  get state(): CircuitState {
    this.#refresh(this.#settings.clock.now());
    return this.#listeners.isolated ? 'isolated' : this.#circuit.kind;
  }

  /** State, rates and totals as plain data, brought up to the present. */
  snapshot(): CircuitBreakerSnapshot {
    const now = this.#settings.clock.now();
    this.#refresh(now);
    const circuit = this.#circuit;
    return {
      name: this.name,
      state: this.#listeners.isolated ? 'isolated' : circuit.kind,
      inStateMs: now - circuit.since,
      isolatedFor: this.#isolations?.reasons ?? [],
      retryAfterMs: this.#listeners.isolated ? null : circuit.retryAfterMs(now),
      attempt: circuit.attempt,
      consecutiveBad: circuit.consecutiveBad,
      inFlight: this.#inFlight.size,
      window: countsOf(circuit.window),
      totals: { ...this.#inFlight.totals },
    };
  }

  toJSON(): CircuitBreakerSnapshot {
    return this.snapshot();
  }

  /** A check that fails while calls would be refused. */
  healthCheck(): HealthCheck {
    return {
      name: this.name,
      check: async (signal) => {
        signal?.throwIfAborted();
        const snapshot = this.snapshot();
        if (snapshot.state === 'open' || snapshot.state === 'isolated' || this.#closing) {
          throw this.#refusal(this.#settings.clock.now());
        }
        return snapshot;
      },
    };
  }

  /** Calls the listener on each such event; what it throws changes nothing. */
  on<E extends keyof CircuitBreakerEvents>(event: E, listener: CircuitBreakerEvents[E]): this {
    this.#listeners.on(event, listener);
    return this;
  }

  /** Calls the listener on the next such event only. */
  once<E extends keyof CircuitBreakerEvents>(event: E, listener: CircuitBreakerEvents[E]): this {
    this.#listeners.once(event, listener);
    return this;
  }

  off<E extends keyof CircuitBreakerEvents>(event: E, listener: CircuitBreakerEvents[E]): this {
    this.#listeners.off(event, listener);
    return this;
  }

  /** Removes the listeners of one event or of all; the breaker itself has none there. */
  removeAllListeners(event?: keyof CircuitBreakerEvents): this {
    this.#listeners.removeAll(event);
    return this;
  }

  /**
   * Refuses new calls from now on, and resolves when those in flight have ended or timed out.
   *
   * @param options.signal ends the waiting; rejects with its reason
   */
  async close(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    this.#closing = true;
    this.#barred = true;
    await untilAborted(this.#inFlight.empty(), options.signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #execute<T>(
    action: (context: CallContext) => T | PromiseLike<T>,
    signal: AbortSignal | undefined,
    ending: Ending | undefined,
  ): Promise<T> {
    if (typeof action !== 'function')
      return Promise.reject(wrongType('action', 'a function', action));
    if (signal !== undefined) {
      if (!isAbortSignal(signal))
        return Promise.reject(wrongType('signal', 'an AbortSignal', signal));
      if (signal.aborted) return Promise.reject(signal.reason);
    }
    const now = this.#settings.clock.now();
    const refusal = this.#enter(now);
    if (refusal !== undefined) {
      if (ending !== undefined && !this.#closing) ending.kind = 'open';
      return Promise.reject(refusal);
    }
    const inFlight = this.#inFlight;
    const call = inFlight.begin(now, ending);
    if (signal === undefined && this.#settings.timeoutMs === Number.POSITIVE_INFINITY) {
      // Nothing but the action itself can end this call: its own promise will do.
      return start(action, call).then(
        (value) => {
          inFlight.returned(call, value);
          return value;
        },
        (error) => {
          inFlight.threw(call, error);
          throw error;
        },
      );
    }
    return new Promise<T>((resolve, reject) => {
      // Before the action starts: it may block until it has timed out, or make its caller give up.
      const release = signal && onAbort(signal, () => inFlight.abandon(call, signal.reason));
      call.caller = { resolve, reject, release };
      start(action, call).then(
        (value) => {
          if (call.ended) return;
          inFlight.returned(call, value);
          release?.();
          resolve(value);
        },
        (error) => {
          if (call.ended) return;
          inFlight.threw(call, error);
          release?.();
          reject(error);
        },
      );
    });
  }

  #refresh(now: number): void {
    this.#inFlight.refresh(now);
    this.#circuit.refresh(now);
  }

  /** Lets a call in, or says why not. */
  #enter(now: number): CircuitBreakerError | undefined {
    this.#inFlight.refresh(now);
    const circuit = this.#circuit;
    if (!this.#barred) {
      if (circuit.kind === 'closed') {
        circuit.window.advance(now);
        return undefined;
      }
      if (circuit.admits(now)) return undefined;
    }
    const error = this.#refusal(now);
    this.#inFlight.totals.rejected += 1;
    this.#listeners.emit('reject', { error });
    return error;
  }

  #refusal(now: number): Refusal {
    const { name } = this;
    const cause = this.#inFlight.lastFailure;
    const make = (): Refusal => {
      if (this.#closing) return new BreakerClosedError(name);
      const reason = this.#isolations?.reasons[0];
      if (reason !== undefined) return new CircuitIsolatedError(name, reason, cause);
      return new CircuitOpenError(name, this.#circuit.kind, this.#circuit.retryAfterMs(now), cause);
    };
    return this.#settings.captureStack ? make() : stackless(make);
  }
}

type Refusal = CircuitOpenError | CircuitIsolatedError | BreakerClosedError;

/** The action's promise; a value, a thenable and a synchronous throw become one. */
function start<T>(action: (context: CallContext) => T | PromiseLike<T>, call: Call): Promise<T> {
  try {
    return Promise.resolve(action(call));
  } catch (error) {
    return Promise.reject(error);
  }
}
