import { Call, CallList, type Ending } from './call.ts';
import type { Circuit } from './circuit.ts';
import { CallTimeoutError, stackless } from './errors.ts';
import type { Listeners } from './events.ts';
import type { Classification } from './options.ts';
import type { Settings } from './settings.ts';
import type { Totals } from './snapshot.ts';

/** The calls of one breaker from their beginning to their end: judges them, counts them and times them out. */
export class InFlight extends CallList {
  readonly totals: Totals = {
    succeeded: 0,
    failed: 0,
    timedOut: 0,
    slow: 0,
    ignored: 0,
    rejected: 0,
    fallbacks: 0,
  };
  /** What the last failed call threw. */
  lastFailure: unknown = undefined;
  readonly #settings: Settings;
  readonly #circuit: Circuit;
  readonly #listeners: Listeners;
  /** Never later than the moment at which a call becomes slow or times out; infinite without a timer. */
  #dueAt = Number.POSITIVE_INFINITY;
  #timer: unknown = undefined;
  #emptied: (() => void) | undefined = undefined;

  constructor(settings: Settings, circuit: Circuit, listeners: Listeners) {
    super();
    this.#settings = settings;
    this.#circuit = circuit;
    this.#listeners = listeners;
  }

  /** Judges the calls that have become slow or timed out by now: also when the timer is late, or a test has none. */
  refresh(now: number): void {
    if (now >= this.#dueAt) this.#judge(now);
  }

  /** @param generation whose verdict it will be: the circuit's, or `UNHEARD` */
  begin(now: number, generation: number, ending: Ending | undefined): Call {
    const call = new Call(now, generation, this.#circuit.window.mark, ending);
    this.add(call);
    const { slowAfterMs, timeoutMs } = this.#settings;
    const dueAt = now + Math.min(slowAfterMs, timeoutMs);
    // True for the first call only: the timer is set for the oldest one and set again when it fires.
    if (dueAt < this.#dueAt) this.#arm(now, dueAt);
    return call;
  }

  returned(call: Call, value: unknown): void {
    const { classify } = this.#settings;
    this.end(call, classify === undefined ? 'success' : this.#classify(value, false), undefined);
  }

  threw(call: Call, error: unknown): void {
    const { classify } = this.#settings;
    this.end(call, classify === undefined ? 'failure' : this.#classify(error, true), error);
  }

  end(call: Call, how: Classification, error: unknown): void {
    if (call.ended) return;
    if (how === 'success') this.#succeed(call);
    else if (how === 'failure') this.#fail(call, error);
    else this.#ignore(call);
  }

  /** The caller has given up, which says nothing about the dependency. */
  abandon(call: Call, reason: unknown): void {
    if (call.ended) return;
    this.#ignore(call);
    call.abort(reason);
    call.caller?.reject(reason);
  }

  /** Resolves when no call is in flight. */
  async empty(): Promise<void> {
    if (this.size > 0) {
      await new Promise<void>((resolve) => {
        const before = this.#emptied;
        this.#emptied = () => {
          before?.();
          resolve();
        };
      });
    }
    this.#disarm();
  }

  #succeed(call: Call): void {
    this.#remove(call);
    this.totals.succeeded += 1;
    if (call.ending !== undefined) call.ending.kind = 'success';
    this.#circuit.good(call);
    const listeners = this.#listeners;
    if (listeners.has('success')) {
      const elapsedMs = this.#settings.clock.now() - call.startedAt;
      listeners.emit('success', { elapsedMs });
    }
  }

  #fail(call: Call, error: unknown): void {
    const now = this.#settings.clock.now();
    this.refresh(now); // it may turn out slow as well, or even timed out
    if (!call.ended) this.#failed(call, error, 'failure', now);
  }

  #failed(call: Call, error: unknown, kind: 'failure' | 'timeout', now: number): void {
    this.#remove(call);
    this.totals.failed += 1;
    if (error !== undefined) this.lastFailure = error;
    if (call.ending !== undefined) call.ending.kind = kind;
    this.#circuit.failed(call, now);
    if (this.#listeners.has('failure')) {
      const elapsedMs = now - call.startedAt;
      this.#listeners.emit('failure', { elapsedMs, error });
    }
  }

  #ignore(call: Call): void {
    this.#remove(call);
    this.totals.ignored += 1;
    if (call.ending !== undefined) call.ending.kind = 'ignored';
    this.#circuit.ignored(call);
  }

  #timeOut(call: Call, now: number): void {
    const { timeoutMs, captureStack } = this.#settings;
    const make = (): CallTimeoutError => new CallTimeoutError(this.#listeners.name, timeoutMs);
    const error = captureStack ? make() : stackless(make);
    this.totals.timedOut += 1;
    this.#failed(call, error, 'timeout', now);
    call.abort(error);
    call.caller?.release?.();
    call.caller?.reject(error);
  }

  #remove(call: Call): void {
    call.ended = true;
    this.remove(call);
    if (this.#emptied !== undefined && this.size === 0) this.#emptied();
  }

  #classify(errorOrResult: unknown, threw: boolean): Classification {
    let answer: Classification | undefined;
    try {
      answer = this.#settings.classify?.(errorOrResult, threw);
    } catch {
      // A broken judge must not decide about a call that is over.
    }
    if (answer === 'success' || answer === 'failure' || answer === 'ignore') return answer;
    return threw ? 'failure' : 'success';
  }

  #judge(now: number): void {
    const { slowAfterMs, timeoutMs } = this.#settings;
    for (let call = this.unjudged; call !== undefined; call = this.unjudged) {
      if (now < call.startedAt + slowAfterMs) break;
      this.unjudged = call.next;
      this.#slow(call, now);
    }
    for (let call = this.oldest; call !== undefined; call = this.oldest) {
      if (now < call.startedAt + timeoutMs) break;
      this.#timeOut(call, now);
    }
    this.#disarm();
    const slowAt = (this.unjudged?.startedAt ?? Number.POSITIVE_INFINITY) + slowAfterMs;
    const timeoutAt = (this.oldest?.startedAt ?? Number.POSITIVE_INFINITY) + timeoutMs;
    const dueAt = Math.min(slowAt, timeoutAt);
    if (dueAt < Number.POSITIVE_INFINITY) this.#arm(now, dueAt);
  }

  #slow(call: Call, now: number): void {
    this.totals.slow += 1;
    this.#circuit.slow(call, now);
    if (this.#listeners.has('slow')) {
      this.#listeners.emit('slow', { elapsedMs: now - call.startedAt });
    }
  }

  /** One timer for all calls in flight; whole milliseconds, as timers have, so that it never fires before its time. */
  #arm(now: number, dueAt: number): void {
    this.#disarm();
    const { clock } = this.#settings;
    this.#dueAt = dueAt;
    this.#timer = clock.setTimeout(() => this.#judge(clock.now()), Math.ceil(dueAt - now));
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#settings.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#dueAt = Number.POSITIVE_INFINITY;
  }
}
