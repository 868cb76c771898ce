/** What an action is given. */
export interface CallContext {
  /** Aborts when the call times out or its caller gives up, never because it succeeded; costs nothing until it is read. */
  readonly signal: AbortSignal;
}

/** Generation of a call whose outcome the circuit is not told. */
export const UNHEARD = -1;

/** Not counted as slow so far. */
export const UNJUDGED = -1;

/** Settles the promise the caller holds, when that can end before the action does. */
export interface Caller {
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
  /** Lets go of the caller's signal. */
  readonly release?: (() => void) | undefined;
}

/** One call in flight: a link of {@link CallList} and, at the same time, the context its action gets. */
export class Call implements CallContext {
  previous: Call | undefined;
  next: Call | undefined;
  readonly startedAt: number;
  /** Of the circuit when the call began; a call of an older generation no longer says anything about it. */
  readonly generation: number;
  /** Place in the window where a good outcome counts. */
  readonly startMark: number;
  /** Place in the window where it was counted as slow. */
  slowMark: number;
  ended: boolean;
  caller: Caller | undefined;
  /** Told how the call ended, when a fallback may follow. */
  readonly ending: Ending | undefined;
  #controller: AbortController | undefined;
  #abortReason: unknown;

  constructor(startedAt: number, generation: number, startMark: number, ending?: Ending) {
    this.previous = undefined;
    this.next = undefined;
    this.startedAt = startedAt;
    this.generation = generation;
    this.startMark = startMark;
    this.slowMark = UNJUDGED;
    this.ended = false;
    this.caller = undefined;
    this.ending = ending;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  /** Aborts the signal now if it was read, later if it is read afterwards. */
  abort(reason: unknown): void {
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }
}

/** How a call ended; `open`, `bulkhead`, `timeout` and `failure` are what a fallback may answer. */
export interface Ending {
  kind: 'success' | 'ignored' | 'open' | 'bulkhead' | 'timeout' | 'failure' | undefined;
}

/**
 * The calls in flight in the order in which they started.
 *
 * ```
 *  oldest -> call -> call -> unjudged -> call -> newest
 *  `- slow already -------'  `- not old enough so far -'
 * ```
 *
 * Both limits, slow and timeout, are the same for every call, so whoever exceeds one next is always at a front:
 * `unjudged` or `oldest`. Adding, removing and judging are O(1), with one timer for all of them.
 */
export class CallList {
  oldest: Call | undefined = undefined;
  newest: Call | undefined = undefined;
  unjudged: Call | undefined = undefined;
  size = 0;

  add(call: Call): void {
    const { newest } = this;
    if (newest === undefined) this.oldest = call;
    else newest.next = call;
    call.previous = newest;
    this.newest = call;
    if (this.unjudged === undefined) this.unjudged = call;
    this.size += 1;
  }

  remove(call: Call): void {
    const { previous, next } = call;
    if (previous === undefined) this.oldest = next;
    else previous.next = next;
    if (next === undefined) this.newest = previous;
    else next.previous = previous;
    if (this.unjudged === call) this.unjudged = next;
    call.previous = call.next = undefined; // an action may keep its context for long
    this.size -= 1;
  }
}
