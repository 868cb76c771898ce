import { type Channel, channel } from 'node:diagnostics_channel';
import { EventEmitter } from 'eventemitter3';
import type { CircuitState, TransitionReason } from './circuit.ts';
import type {
  BreakerClosedError,
  BulkheadFullError,
  CircuitIsolatedError,
  CircuitOpenError,
} from './errors.ts';

/** A change of state. */
export interface TransitionEvent {
  readonly name: string;
  readonly from: CircuitState;
  readonly to: CircuitState;
  readonly reason: TransitionReason;
}

/** The end of a call, or its turning slow while in flight. */
export interface CallEvent {
  readonly name: string;
  /** Since the call began, in ms. */
  readonly elapsedMs: number;
}

/** A call that failed; `error` is what it threw, a `CallTimeoutError`, or undefined when its *result* was classified as a failure. */
export interface FailureEvent extends CallEvent {
  readonly error: unknown;
}

/** A call that was not made. */
export interface RejectEvent {
  readonly name: string;
  readonly error: CircuitOpenError | CircuitIsolatedError | BreakerClosedError | BulkheadFullError;
  /** False when `enforce` let the call through all the same. */
  readonly enforced: boolean;
}

/** A fallback step that answered in place of the call. */
export interface FallbackEvent {
  readonly name: string;
  /** Which step it was. */
  readonly source: string;
  /** What it stood in for. */
  readonly error: unknown;
}

/** Events of a breaker and what their listeners are given. */
export interface CircuitBreakerEvents {
  open: (event: TransitionEvent) => void;
  'half-open': (event: TransitionEvent) => void;
  closed: (event: TransitionEvent) => void;
  isolated: (event: TransitionEvent) => void;
  disabled: (event: TransitionEvent) => void;
  success: (event: CallEvent) => void;
  failure: (event: FailureEvent) => void;
  slow: (event: CallEvent) => void;
  reject: (event: RejectEvent) => void;
  fallback: (event: FallbackEvent) => void;
}

type Name = keyof CircuitBreakerEvents;
// biome-ignore lint/suspicious/noExplicitAny: the type that eventemitter3 itself takes
type Listener = (event: any) => unknown;

const guards = new WeakMap<Listener, Listener>();

/** `evenkeel:circuit-breaker:<event>` of `node:diagnostics_channel`: every breaker of the process, without a reference to it. */
const channels: Readonly<Record<Name, Channel>> = {
  open: channel('evenkeel:circuit-breaker:open'),
  'half-open': channel('evenkeel:circuit-breaker:half-open'),
  closed: channel('evenkeel:circuit-breaker:closed'),
  isolated: channel('evenkeel:circuit-breaker:isolated'),
  disabled: channel('evenkeel:circuit-breaker:disabled'),
  success: channel('evenkeel:circuit-breaker:success'),
  failure: channel('evenkeel:circuit-breaker:failure'),
  slow: channel('evenkeel:circuit-breaker:slow'),
  reject: channel('evenkeel:circuit-breaker:reject'),
  fallback: channel('evenkeel:circuit-breaker:fallback'),
};

type Payload<E extends Name> = Omit<Parameters<CircuitBreakerEvents[E]>[0], 'name'>;

/** Listeners of one breaker. Whatever they do, throwing and rejecting included, stays with them. */
export class Listeners {
  /** Changes of state are not told while this is set: what shows is that it is isolated, or disabled. */
  muted = false;
  readonly name: string;
  #emitter: EventEmitter | undefined = undefined; // most breakers have no listener

  constructor(name: string) {
    this.name = name;
  }

  on(event: Name, listener: Listener): void {
    this.#emitter ??= new EventEmitter();
    this.#emitter.on(event, guard(listener));
  }

  once(event: Name, listener: Listener): void {
    this.#emitter ??= new EventEmitter();
    this.#emitter.once(event, guard(listener));
  }

  off(event: Name, listener: Listener): void {
    this.#emitter?.off(event, guards.get(listener) ?? listener);
  }

  removeAll(event?: Name): void {
    this.#emitter?.removeAllListeners(event);
  }

  /** Whether it is worth making the event. */
  has(event: Name): boolean {
    return (
      channels[event].hasSubscribers ||
      (this.#emitter !== undefined && this.#emitter.listenerCount(event) > 0)
    );
  }

  emit<E extends Name>(event: E, payload: Payload<E>): void {
    const subscribed = channels[event].hasSubscribers;
    if (this.#emitter === undefined && !subscribed) return;
    const told = { name: this.name, ...payload };
    if (subscribed) channels[event].publish(told); // what a subscriber throws is reported by Node, not to us
    this.#emitter?.emit(event, told);
  }

  /** Tells a change of the state that follows from the calls. */
  changed(from: CircuitState, to: CircuitState, reason: TransitionReason): void {
    if (!this.muted) this.emit(to, { from, to, reason });
  }
}

/** The same guard for the same listener each time, so that `off` finds it. */
function guard(listener: Listener): Listener {
  if (typeof listener !== 'function') throw new TypeError('Expected `listener` to be a function');
  let guarded = guards.get(listener);
  if (guarded === undefined) {
    guarded = (event: unknown): void => {
      try {
        const result = listener(event);
        if (result instanceof Promise) result.catch(() => {});
      } catch {
        // An observer must not change what it observes, nor keep the next observer from hearing.
      }
    };
    guards.set(listener, guarded);
  }
  return guarded;
}
