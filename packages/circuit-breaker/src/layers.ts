import { Bulkhead } from './bulkhead.ts';
import type { CallContext, Ending } from './call.ts';
import { BulkheadFullError, stackless } from './errors.ts';
import { Hedge } from './hedge.ts';
import { start } from './make-call.ts';
import { Retry } from './retry.ts';
import type { Settings } from './settings.ts';

/** The work of one call. */
export type Action<T> = (context: CallContext) => T | PromiseLike<T>;

/** The breaker as its layers see it. */
export interface Core {
  /** Makes one call, unless it is refused; the action starts before this returns, or never. */
  call<T>(action: Action<T>, signal: AbortSignal | undefined, ending: Ending): Promise<T>;
  /** The error of a call that may not even wait: only a closed circuit has a queue. */
  refusalUnlessClosed(ending: Ending): Error | undefined;
}

/**
 * What is wrapped around the calls of a breaker that has it, from the outside in: retry, hedge, and the wait for a slot,
 * inside which the breaker decides and makes the call.
 */
export class Layers {
  readonly bulkhead: Bulkhead | undefined;
  readonly retry: Retry | undefined;
  readonly hedge: Hedge | undefined;

  constructor(bulkhead: Bulkhead | undefined, retry: Retry | undefined, hedge: Hedge | undefined) {
    this.bulkhead = bulkhead;
    this.retry = retry;
    this.hedge = hedge;
  }

  /** @param repeatable whether the call may be made more than once */
  run<T>(
    core: Core,
    action: Action<T>,
    signal: AbortSignal | undefined,
    ending: Ending,
    repeatable: boolean,
  ): Promise<T> {
    const { bulkhead, retry, hedge } = this;
    const once = (how: Ending, until: AbortSignal | undefined): Promise<T> =>
      bulkhead === undefined
        ? core.call(action, until, how)
        : inSlot(bulkhead, core, action, until, how);
    if (!repeatable) return once(ending, signal);
    const attempt = (how: Ending): Promise<T> =>
      hedge === undefined ? once(how, signal) : hedge.run(once, how, signal);
    return retry === undefined ? attempt(ending) : retry.run(attempt, ending, signal);
  }
}

/**
 * The layers that the settings ask for, if any.
 *
 * @param rejected told of each call that found no room
 */
export function layersOf(
  { bulkhead, retry, hedge, clock, random, captureStack }: Settings,
  name: string,
  rejected: (error: BulkheadFullError) => BulkheadFullError,
): Layers | undefined {
  if (bulkhead === undefined && retry === undefined && hedge === undefined) return undefined;
  const full = (): BulkheadFullError => {
    const make = () => new BulkheadFullError(name, bulkhead?.concurrency ?? 0);
    return rejected(captureStack ? make() : stackless(make));
  };
  return new Layers(
    bulkhead && new Bulkhead(bulkhead, clock, full),
    retry && new Retry(retry, clock, random),
    hedge && new Hedge(hedge, clock),
  );
}

function inSlot<T>(
  bulkhead: Bulkhead,
  core: Core,
  action: Action<T>,
  signal: AbortSignal | undefined,
  ending: Ending,
): Promise<T> {
  if (bulkhead.take()) return held(bulkhead, core, action, signal, ending);
  const refusal = core.refusalUnlessClosed(ending);
  if (refusal !== undefined) return Promise.reject(refusal);
  return bulkhead.wait(signal).then(
    () => held(bulkhead, core, action, signal, ending),
    (error) => {
      ending.kind = signal?.aborted ? 'ignored' : 'bulkhead';
      throw error;
    },
  );
}

/** The slot is given back when the work has really ended, which may be long after its caller was told of a timeout. */
function held<T>(
  bulkhead: Bulkhead,
  core: Core,
  action: Action<T>,
  signal: AbortSignal | undefined,
  ending: Ending,
): Promise<T> {
  const release = (): void => bulkhead.release();
  if (signal?.aborted) {
    release();
    ending.kind = 'ignored';
    return Promise.reject(signal.reason);
  }
  let isStarted = false;
  const work: Action<T> = (context) => {
    isStarted = true;
    const promise = start(action, context);
    promise.then(release, release);
    return promise;
  };
  const result = core.call(work, signal, ending);
  if (!isStarted) release();
  return result;
}
