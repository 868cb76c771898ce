import { isAbortSignal, untilAborted } from './abort.ts';
import { Admission, type PartialRefusal } from './admission.ts';
import { type CallContext, type Ending, UNHEARD } from './call.ts';
import type { ExecuteOptions, Outcome, WrapOptions } from './call-options.ts';
import { isObject, optionalFunction, wrongType } from './checks.ts';
import { Circuit, type CircuitState } from './circuit.ts';
import { BreakerClosedError, CircuitIsolatedError, CircuitOpenError, stackless } from './errors.ts';
import { type CircuitBreakerEvents, Listeners, type RejectEvent } from './events.ts';
import { answerInstead, isFallbackKind, remember, toSteps } from './fallback.ts';
import { type HealthCheck, healthCheckOf } from './health-check.ts';
import { InFlight } from './in-flight.ts';
import { type Isolation, Isolations } from './isolation.ts';
import { toRestoredState } from './layer-settings.ts';
import { type Action, type Core, type Layers, layersOf } from './layers.ts';
import { make } from './make-call.ts';
import type { CircuitBreakerOptions } from './options.ts';
import { Permit } from './permit.ts';
import { type Settings, toSettings } from './settings.ts';
import { type CircuitBreakerSnapshot, snapshotOf } from './snapshot.ts';
import { wrapped } from './wrap.ts';

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
  readonly #settings: Settings;
  readonly #circuit: Circuit;
  readonly #inFlight: InFlight;
  readonly #listeners: Listeners;
  #isolations: Isolations | undefined = undefined;
  /** Why the circuit is not asked: `CLOSING`, `ISOLATED`, `DISABLED`, added up. */
  #bars = 0;
  readonly #admission: Admission | undefined;
  readonly #layers: Layers | undefined;

  /**
   * @throws TypeError when an option has the wrong type or is unknown
   * @throws RangeError when an option is out of range
   */
  constructor(options: CircuitBreakerOptions) {
    this.#settings = toSettings(options);
    this.#listeners = new Listeners(options.name);
    this.#circuit = new Circuit(this.#settings, this.#listeners);
    this.#inFlight = new InFlight(this.#settings, this.#circuit, this.#listeners);
    const { admission, disabled, random } = this.#settings;
    this.#admission = admission && new Admission(admission, random);
    this.#layers = layersOf(this.#settings, this.name, (error) => this.#rejected(error));
    if (options.initialState !== undefined) {
      this.#circuit.restore(toRestoredState(options.initialState));
    }
    if (disabled) this.disable();
  }

  get name(): string {
    return this.#listeners.name;
  }

  /**
   * Makes a call, unless the circuit is open. The action may return a value, a promise or a thenable, or throw.
   *
   * Never throws synchronously. Rejects with whatever the action threw, or with
   * - `CircuitOpenError`, `CircuitIsolatedError`, `BulkheadFullError`, `BreakerClosedError`: the call was not made;
   * - `CallTimeoutError`: it took longer than `timeoutMs`;
   * - the reason of `signal` when that aborts;
   * - `TypeError` when an argument is wrong.
   */
  execute<T, F = never>(
    action: (context: CallContext) => T | PromiseLike<T>,
    options?: ExecuteOptions<F>,
  ): Promise<T | F> {
    if (options === undefined) return this.#execute(action, undefined, undefined, true);
    if (options !== null && options.fallback === undefined) {
      return this.#execute(action, options.signal, undefined, options.repeatable !== false);
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
      const value = await this.#execute(action, signal, ending, options.repeatable !== false);
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
    return wrapped(this, fn, options);
  }

  /**
   * Two-step use, for work that is not one promise: asks for leave first, settles it later.
   *
   * @throws CircuitOpenError, CircuitIsolatedError, BulkheadFullError, BreakerClosedError when the call may not be made
   */
  acquire(): Permit {
    const bulkhead = this.#layers?.bulkhead;
    if (bulkhead !== undefined && !bulkhead.take()) {
      throw this.#refusalUnlessClosed() ?? bulkhead.refuse();
    }
    const now = this.#settings.clock.now();
    const entry = this.#enter(now);
    if (typeof entry !== 'number') {
      bulkhead?.release();
      throw entry;
    }
    const call = this.#inFlight.begin(now, entry, undefined);
    return new Permit(this.name, (how, error) => {
      this.#inFlight.end(call, how, error);
      bulkhead?.release();
    });
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
    this.#bar(ISOLATED);
    const isolation = this.#isolations.hold(reason, () => {
      this.#unbar(ISOLATED);
      const to = this.#kind;
      this.#listeners.emit(to, { from: 'isolated', to, reason: 'released' });
    });
    if (from !== 'isolated') {
      this.#listeners.emit('isolated', { from, to: 'isolated', reason: 'isolated' });
    }
    return isolation;
  }

  /** Lets every call pass until {@link enable}: they are timed out and counted, but neither refused nor judged. */
  disable(): void {
    const from = this.state;
    this.#bar(DISABLED);
    if (this.state !== from)
      this.#listeners.emit('disabled', { from, to: 'disabled', reason: 'disabled' });
  }

  /** Ends {@link disable}; the circuit goes on where it stood. */
  enable(): void {
    const from = this.state;
    this.#unbar(DISABLED);
    const to = this.state;
    if (to !== from) this.#listeners.emit(to, { from, to, reason: 'enabled' });
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
    return this.#kind;
  }

  /** State, rates and totals as plain data, brought up to the present. */
  snapshot(): CircuitBreakerSnapshot {
    const now = this.#settings.clock.now();
    this.#refresh(now);
    return snapshotOf(now, {
      name: this.name,
      state: this.#kind,
      retryAfterMs: this.#retryAfterMs(now),
      isolatedFor: this.#isolations?.reasons ?? [],
      circuit: this.#circuit,
      inFlight: this.#inFlight,
      layers: this.#layers,
      waved: this.#admission?.waved ?? 0,
    });
  }

  toJSON(): CircuitBreakerSnapshot {
    return this.snapshot();
  }

  /** A check that fails while calls would be refused. */
  healthCheck(): HealthCheck {
    return healthCheckOf(this, () => {
      const state = this.state;
      const refuses = state === 'open' || state === 'isolated' || (this.#bars & CLOSING) > 0;
      return refuses ? this.#refusal(this.#settings.clock.now()) : undefined;
    });
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
    this.#bars |= CLOSING;
    await untilAborted(this.#inFlight.empty(), options.signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #execute<T>(
    action: Action<T>,
    signal: AbortSignal | undefined,
    ending: Ending | undefined,
    repeatable: boolean,
  ): Promise<T> {
    if (typeof action !== 'function')
      return Promise.reject(wrongType('action', 'a function', action));
    if (signal !== undefined) {
      if (!isAbortSignal(signal))
        return Promise.reject(wrongType('signal', 'an AbortSignal', signal));
      if (signal.aborted) return Promise.reject(signal.reason);
    }
    const layers = this.#layers;
    if (layers === undefined) return this.#call(action, signal, ending);
    return layers.run(this.#core, action, signal, ending ?? { kind: undefined }, repeatable);
  }

  #call<T>(
    action: Action<T>,
    signal: AbortSignal | undefined,
    ending: Ending | undefined,
  ): Promise<T> {
    const now = this.#settings.clock.now();
    const entry = this.#enter(now);
    if (typeof entry !== 'number') {
      if (ending !== undefined && (this.#bars & CLOSING) === 0) ending.kind = 'open';
      return Promise.reject(entry);
    }
    const call = this.#inFlight.begin(now, entry, ending);
    return make(action, call, this.#inFlight, signal, this.#settings.timeoutMs);
  }

  #refresh(now: number): void {
    this.#inFlight.refresh(now);
    this.#circuit.refresh(now);
  }

  /** Lets a call in, as one of the generation returned, or says why not. */
  #enter(now: number): number | Refusal {
    this.#inFlight.refresh(now);
    const circuit = this.#circuit;
    let reason: PartialRefusal | undefined;
    if (this.#bars === 0) {
      if (circuit.kind === 'closed') {
        circuit.window.advance(now);
        reason = this.#admission?.refusal(circuit, now);
        if (reason === undefined) return circuit.generation;
      } else if (circuit.admits(now)) return circuit.generation;
    } else if (this.#bars === DISABLED) return UNHEARD;
    const error = this.#refusal(now, reason);
    if (this.#bars === 0 && this.#admission?.waves()) {
      this.#listeners.emit('reject', { error, enforced: false });
      return UNHEARD;
    }
    return this.#rejected(error);
  }

  #rejected<E extends RejectEvent['error']>(error: E): E {
    this.#inFlight.totals.rejected += 1;
    this.#listeners.emit('reject', { error, enforced: true });
    return error;
  }

  #refusal(now: number, partial?: PartialRefusal): Refusal {
    const { name } = this;
    const cause = this.#inFlight.lastFailure;
    const make = (): Refusal => {
      if (this.#bars & CLOSING) return new BreakerClosedError(name);
      const reason = this.#isolations?.reasons[0];
      if (reason !== undefined) return new CircuitIsolatedError(name, reason, cause);
      const { kind } = this.#circuit;
      return new CircuitOpenError(name, kind, this.#circuit.retryAfterMs(now), cause, partial);
    };
    return this.#settings.captureStack ? make() : stackless(make);
  }

  /** The refusal of a call that finds no slot, when it is not even to wait for one: what is sick gets no queue. */
  #refusalUnlessClosed(): Refusal | undefined {
    const now = this.#settings.clock.now();
    this.#refresh(now);
    if (this.#bars === DISABLED || (this.#bars === 0 && this.#circuit.kind === 'closed')) {
      return undefined;
    }
    return this.#rejected(this.#refusal(now));
  }

  get #core(): Core {
    return {
      call: (action, signal, ending) => this.#call(action, signal, ending),
      refusalUnlessClosed: (ending) => {
        const refusal = this.#refusalUnlessClosed();
        if (refusal !== undefined && (this.#bars & CLOSING) === 0) ending.kind = 'open';
        return refusal;
      },
    };
  }

  get #kind(): CircuitState {
    if (this.#bars & ISOLATED) return 'isolated';
    return this.#bars & DISABLED ? 'disabled' : this.#circuit.kind;
  }

  #retryAfterMs(now: number): number | null {
    if (this.#bars & ISOLATED) return null;
    return this.#bars & DISABLED ? 0 : this.#circuit.retryAfterMs(now);
  }

  #bar(why: number): void {
    this.#bars |= why;
    this.#listeners.muted = true;
  }

  #unbar(why: number): void {
    this.#bars &= ~why;
    this.#listeners.muted = (this.#bars & (ISOLATED | DISABLED)) > 0;
  }
}

const CLOSING = 1;
const ISOLATED = 2;
const DISABLED = 4;

type Refusal = CircuitOpenError | CircuitIsolatedError | BreakerClosedError;
