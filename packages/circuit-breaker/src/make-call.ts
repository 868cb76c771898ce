import { onAbort } from './abort.ts';
import type { Call, CallContext } from './call.ts';
import type { InFlight } from './in-flight.ts';

/** The action's promise; a value, a thenable and a synchronous throw become one. */
export function start<T>(
  action: (context: CallContext) => T | PromiseLike<T>,
  context: CallContext,
): Promise<T> {
  try {
    return Promise.resolve(action(context));
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Starts the action of a call that was let in, and settles with its end, its timeout or its abort, whichever is first. */
export function make<T>(
  action: (context: CallContext) => T | PromiseLike<T>,
  call: Call,
  inFlight: InFlight,
  signal: AbortSignal | undefined,
  timeoutMs: number,
): Promise<T> {
  if (signal === undefined && timeoutMs === Number.POSITIVE_INFINITY) {
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
