import { type Call, UNJUDGED } from './call.ts';
import { CountWindow } from './count-window.ts';
import type { Listeners } from './events.ts';
import type { Settings } from './settings.ts';
import { TimeWindow } from './time-window.ts';
import { type CallWindow, FAILED, FAILED_AND_SLOW, SLOW } from './window.ts';

/** Where a circuit stands: `isolated` and `disabled` are by hand, the others follow from the calls. */
export type CircuitState = 'closed' | 'open' | 'half-open' | 'isolated' | 'disabled';

/** Why a circuit changed its state. */
export type TransitionReason =
  | 'consecutive'
  | 'failure-rate'
  | 'slow-rate'
  | 'bad-rate'
  | 'tripped'
  | 'probe-bad'
  | 'probes-good'
  | 'open-time-over'
  | 'isolated'
  | 'released'
  | 'disabled'
  | 'enabled';

interface Closed {
  readonly kind: 'closed';
  readonly since: number;
}
interface Open {
  readonly kind: 'open';
  readonly since: number;
  readonly until: number;
}
interface HalfOpen {
  readonly kind: 'half-open';
  readonly since: number;
  /** Probes in flight. */
  probing: number;
  /** Probes that came back well. */
  good: number;
  lastProbeAt: number;
}
type State = Closed | Open | HalfOpen;

/** What of a snapshot a circuit goes on with. */
export interface RestoredState {
  readonly state: CircuitState;
  /** Of an open circuit, in ms. */
  readonly retryAfterMs: number | null;
  readonly attempt: number;
  readonly consecutiveBad: number;
}

/** Who has a say in the probes: of few circuits, so no field of each. */
const gates = new WeakMap<Circuit, () => boolean>();

/**
 * The state machine: decides from verdicts and the time, and does nothing else (no timers, no promises).
 *
 * - *closed* counts verdicts and opens when a rule is met.
 * - *open* refuses until its time is over, which is a comparison at the next question and not a timer.
 * - *half-open* lets one probe go, then the rest; all good closes, the first bad one opens again, for longer.
 *
 * Every change of state starts a new *generation*. A call belongs to the generation it began in, and its outcome is
 * dropped when that has passed: a failure that began before the outage was over cannot undo a good probe.
 *
 * @see https://martinfowler.com/bliki/CircuitBreaker.html
 * @see https://github.com/sony/gobreaker for the generation
 */
export class Circuit {
  readonly window: CallWindow;
  /** Counts the changes of state, and the rounds of probes written off. */
  generation = 0;
  /** Bad calls since the last good one. */
  consecutiveBad = 0;
  /** Openings in a row, less one for each healthy window since. */
  attempt = 0;
  #state: State;
  readonly #settings: Settings;
  readonly #listeners: Listeners;

  constructor(settings: Settings, listeners: Listeners) {
    this.#settings = settings;
    this.#listeners = listeners;
    const { windowMs, windowSize } = settings;
    const timed = windowMs < Number.POSITIVE_INFINITY;
    this.window = timed ? new TimeWindow(windowMs, windowSize) : new CountWindow(windowSize);
    this.#state = { kind: 'closed', since: settings.clock.now() };
  }

  /** Goes on where another circuit stood, of this process or of one before; the window starts empty. */
  restore({ state, retryAfterMs, attempt, consecutiveBad }: RestoredState): void {
    const since = this.#settings.clock.now();
    this.attempt = attempt;
    this.consecutiveBad = consecutiveBad;
    // A probe that was under way says nothing any more: the next one may go at once.
    if (state === 'half-open') this.#state = { kind: 'open', since, until: since };
    if (state === 'open') this.#state = { kind: 'open', since, until: since + (retryAfterMs ?? 0) };
  }

  get kind(): State['kind'] {
    return this.#state.kind;
  }

  /** When the present state began. */
  get since(): number {
    return this.#state.since;
  }

  /** Brings the window, and an open circuit whose time is over, up to the present. */
  refresh(now: number): void {
    this.window.advance(now);
    if (this.#state.kind === 'open' && now >= this.#state.until) {
      this.#become(
        { kind: 'half-open', since: now, probing: 0, good: 0, lastProbeAt: now },
        'open-time-over',
      );
    }
  }

  /** Whether a call may go now; for a half-open circuit that takes one of the probes. */
  admits(now: number): boolean {
    this.refresh(now);
    const state = this.#state;
    if (state.kind !== 'half-open') return state.kind === 'closed';
    const { probes, probeMaxWaitMs } = this.#settings;
    // The first probe goes alone: a dependency that is still sick gets one call to bear, not all of them.
    const atOnce = state.good === 0 ? 1 : probes - state.good;
    if (state.probing === 0 && state.good === 0 && gates.get(this)?.() === false) return false;
    if (state.probing >= atOnce) {
      if (now - state.lastProbeAt < probeMaxWaitMs) return false;
      this.generation += 1; // these never came back; whatever they still say is not heard
      state.probing = 0;
    }
    state.probing += 1;
    state.lastProbeAt = now;
    return true;
  }

  /** Milliseconds until a refused call has a chance: the open time that remains, or the longest a probe can take. */
  retryAfterMs(now: number): number {
    const state = this.#state;
    if (state.kind === 'closed') return 0;
    if (state.kind === 'open') return Math.max(0, state.until - now);
    const { slowAfterMs, timeoutMs, probeMaxWaitMs } = this.#settings;
    const longest = Math.min(slowAfterMs, timeoutMs, probeMaxWaitMs);
    return state.probing === 0 ? 0 : Math.max(0, state.lastProbeAt + longest - now);
  }

  /** Has `gate` asked before a round of probes begins; `undefined` takes it away. */
  gateProbes(gate: (() => boolean) | undefined): void {
    if (gate === undefined) gates.delete(this);
    else gates.set(this, gate);
  }

  /** Opens a closed circuit on evidence from elsewhere. */
  trip(now: number): void {
    if (this.#state.kind === 'closed') this.#open('tripped', now);
  }

  good(call: Call): void {
    if (call.generation !== this.generation || call.slowMark !== UNJUDGED) return;
    const state = this.#state;
    if (state.kind === 'half-open') {
      state.probing -= 1;
      state.good += 1;
      if (state.good >= this.#settings.probes) {
        this.#become({ kind: 'closed', since: this.#settings.clock.now() }, 'probes-good');
      }
      return;
    }
    this.consecutiveBad = 0;
    if (this.window.bad === 0 && !this.#settings.goodCallsOutliveWindow) {
      this.window.addGood(call.startMark); // nothing to decide, and no need to know the time
      return;
    }
    const now = this.#settings.clock.now();
    this.window.advance(now);
    this.window.addGood(call.startMark);
    this.#judge(now);
  }

  /** A call still in flight has become slow. */
  slow(call: Call, now: number): void {
    if (call.generation !== this.generation) return;
    call.slowMark = 0;
    if (this.#state.kind === 'half-open') this.#open('probe-bad', now);
    else {
      call.slowMark = this.#addBad(SLOW, now);
      this.#judge(now);
    }
  }

  failed(call: Call, now: number): void {
    if (call.generation !== this.generation) return;
    if (this.#state.kind === 'half-open') {
      this.#open('probe-bad', now);
      return;
    }
    this.window.advance(now);
    if (call.slowMark === UNJUDGED) this.#addBad(FAILED, now);
    // Known to be slow already: the same call gets worse, unless its place has left the window.
    else if (!this.window.amend(call.slowMark)) this.window.addBad(FAILED_AND_SLOW);
    this.#judge(now);
  }

  /** The call says nothing about the dependency; a probe gives its place back. */
  ignored(call: Call): void {
    if (call.generation !== this.generation) return;
    if (this.#state.kind === 'half-open') this.#state.probing -= 1;
  }

  #addBad(verdict: typeof FAILED | typeof SLOW, now: number): number {
    this.window.advance(now);
    this.consecutiveBad += 1;
    return this.window.addBad(verdict);
  }

  #judge(now: number): void {
    const reason = this.#rule();
    if (reason !== undefined) this.#open(reason, now);
  }

  /** The rule that is met. Rates are divided, not multiplied out: 3 of 30 must meet 0.1, and 0.1 * 30 is more than 3. */
  #rule(): TransitionReason | undefined {
    const { consecutive, minimumCalls, failureRate, slowRate, badRate } = this.#settings;
    const { calls, failed, slow, bad } = this.window;
    if (this.consecutiveBad >= consecutive) return 'consecutive';
    if (calls < minimumCalls) return undefined;
    if (failed / calls >= failureRate) return 'failure-rate';
    if (slow / calls >= slowRate) return 'slow-rate';
    if (bad / calls >= badRate) return 'bad-rate';
    return undefined;
  }

  #open(reason: TransitionReason, now: number): void {
    if (this.#state.kind === 'closed') {
      const healthy = Math.floor((now - this.#state.since) / this.#healthyMs());
      this.attempt = Math.max(0, this.attempt - healthy);
    }
    this.attempt += 1;
    this.#become({ kind: 'open', since: now, until: now + this.#openTimeMs() }, reason);
  }

  /** Exponential back-off, with jitter so that the processes of a fleet do not all probe at the same moment. */
  #openTimeMs(): number {
    const { openForMs, openFactor, openMaxMs, openJitter, random } = this.#settings;
    const grown = Math.min(openMaxMs, openForMs * openFactor ** (this.attempt - 1));
    return grown * (1 + openJitter * (2 * random() - 1));
  }

  /** The length of a healthy window; a window of calls has none, there it is the longest open time. */
  #healthyMs(): number {
    const { windowMs, openMaxMs } = this.#settings;
    return windowMs < Number.POSITIVE_INFINITY ? windowMs : openMaxMs;
  }

  /** The one place where the state changes. */
  #become(next: State, reason: TransitionReason): void {
    const from = this.#state.kind;
    this.#state = next;
    this.generation += 1;
    this.consecutiveBad = 0;
    this.window.clear();
    this.#listeners.changed(from, next.kind, reason);
  }
}
