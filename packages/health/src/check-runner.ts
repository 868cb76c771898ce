import type { CheckPlan, CheckSource } from './check.ts';
import { type CheckState, observe } from './check-state.ts';
import { CheckTimeoutError } from './errors.ts';
import { type CheckHistory, History } from './history.ts';
import { errorText, redactData } from './redact.ts';
import type { CheckReport, HealthStatus } from './report.ts';

interface Result {
  readonly ok: boolean;
  readonly at: number;
  readonly wallTime: Date;
  readonly durationMs: number;
  readonly reason?: string;
  readonly data?: unknown;
}

/**
 * Runs one check, never twice at once, and remembers what it said.
 *
 *     refresh() --fresh?--> nothing to do
 *        |--a run is being waited for?--> wait for the same one (single flight)
 *        |--an earlier call still has not returned?--> that is a failure, and no new call
 *        '--> call, wait for its answer or the budget, whichever comes first
 */
export class CheckRunner {
  readonly plan: CheckPlan;
  readonly #source: CheckSource;
  readonly #clock: () => number;
  readonly #onResult: (runner: CheckRunner) => void;
  readonly #history = new History();
  #state: CheckState = { kind: 'unknown' };
  #last: Result | undefined;
  #goodAt: number | undefined;
  #waiting: Promise<void> | undefined;
  /** When the call that has not returned yet was made; outlives its budget if it ignores the signal. */
  #calledAt: number | undefined;
  #cancel: AbortController | undefined;
  #poll: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(
    plan: CheckPlan,
    source: CheckSource,
    clock: () => number,
    onResult: (runner: CheckRunner) => void,
  ) {
    this.plan = plan;
    this.#source = source;
    this.#clock = clock;
    this.#onResult = onResult;
    if (plan.intervalMs !== undefined) {
      this.#poll = setInterval(() => void this.#observe(), plan.intervalMs);
      this.#poll.unref();
    }
  }

  /** Resolves when there is a result fit to give out; undefined when there is one already. Never rejects. */
  refresh(): Promise<void> | undefined {
    if (this.#isClosed) return undefined;
    if (this.#last === undefined) return this.#observe();
    if (this.plan.intervalMs !== undefined) return undefined;
    if (this.#clock() - this.#last.at < this.plan.ttlMs) return undefined;
    return this.#observe();
  }

  /** Whether the last run, on its own, was good. */
  get isLastGood(): boolean {
    return this.#last?.ok ?? false;
  }

  /** The last runs and changes, with percentiles. */
  history(): CheckHistory {
    return this.#history.summary();
  }

  /** Notes that the reported status changed. */
  noteChange(from: HealthStatus | 'unknown', to: HealthStatus, reason: string | undefined): void {
    this.#history.addChange({
      at: new Date().toISOString(),
      from,
      to,
      ...(reason !== undefined && { reason }),
    });
  }

  /** What is known now; `isAlone` is what a quorum says of this instance and this check. */
  report(isAlone = false): CheckReport {
    const { name, scope, groups } = this.plan;
    const last = this.#last;
    const ageMs = last === undefined ? undefined : Math.max(0, this.#clock() - last.at);
    const isStale = this.#isStale();
    const [status, reason] = this.#judge(last, isStale);
    return {
      name,
      scope,
      groups,
      status,
      isStale,
      isAlone: isAlone && status === 'fail',
      ...(reason !== undefined && { reason }),
      ...(last?.data !== undefined && { data: last.data }),
      ...(last !== undefined && {
        durationMs: last.durationMs,
        checkedAt: last.wallTime.toISOString(),
      }),
      ...(ageMs !== undefined && { ageMs }),
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#poll);
    this.#cancel?.abort(new Error('health was closed'));
    await this.#source.close?.();
  }

  /** Failures may be forgiven for a while, but only on the strength of a good answer that is recent enough. */
  #isStale(): boolean {
    const believedAt = this.#state.kind === 'healthy' ? this.#goodAt : this.#last?.at;
    return believedAt !== undefined && this.#clock() - believedAt > this.plan.staleAfterMs;
  }

  #judge(last: Result | undefined, isStale: boolean): readonly [HealthStatus, string?] {
    if (last === undefined) return ['fail', 'not checked yet'];
    if (isStale) return ['fail', `no good answer within ${this.plan.staleAfterMs} ms`];
    if (this.#state.kind !== 'healthy') return ['fail', last.reason ?? 'recovering'];
    if (!last.ok) return ['warn', last.reason ?? 'failed'];
    if (last.durationMs >= this.plan.warnMs) {
      return ['warn', `slow: ${Math.round(last.durationMs)} ms`];
    }
    return ['pass'];
  }

  #observe(): Promise<void> | undefined {
    if (this.#waiting !== undefined) return this.#waiting;
    if (this.#calledAt !== undefined) {
      const elapsedMs = this.#clock() - this.#calledAt;
      const reason = `an earlier call has not returned for ${Math.round(elapsedMs)} ms`;
      this.#record({ ok: false, durationMs: elapsedMs, reason });
      return undefined;
    }
    this.#waiting = this.#run().finally(() => {
      this.#waiting = undefined;
    });
    return this.#waiting;
  }

  /** Resolves with the answer or at the end of the budget; the call itself may go on after that. */
  #run(): Promise<void> {
    const { name, timeoutMs } = this.plan;
    const startedAt = this.#clock();
    const controller = new AbortController();
    this.#calledAt = startedAt;
    this.#cancel = controller;
    return new Promise((resolve) => {
      let isAnswered = false;
      const answer = (ok: boolean, value: unknown) => {
        if (isAnswered) return;
        isAnswered = true;
        clearTimeout(budget);
        const durationMs = Math.max(0, this.#clock() - startedAt);
        if (ok) {
          const data = redactData(value);
          this.#record({ ok, durationMs, ...(data !== undefined && { data }) });
        } else {
          this.#record({ ok, durationMs, reason: errorText(value) });
        }
        resolve();
      };
      // Not unref-ed, unlike the poll: somebody awaits this run, and it ends within the budget.
      const budget = setTimeout(() => {
        const timeout = new CheckTimeoutError(name, timeoutMs);
        answer(false, timeout);
        controller.abort(timeout);
      }, timeoutMs);
      // The executor of a promise turns a synchronous throw into a rejection.
      new Promise((settle) => settle(this.#source.check(controller.signal)))
        .finally(() => {
          this.#calledAt = undefined;
        })
        .then(
          (data) => answer(true, data),
          (error: unknown) => answer(false, error),
        );
    });
  }

  #record(result: Omit<Result, 'at' | 'wallTime'>): void {
    if (this.#isClosed) return;
    const at = this.#clock();
    this.#last = { ...result, at, wallTime: new Date() };
    if (result.ok) this.#goodAt = at;
    this.#history.addRun(result.ok, result.durationMs);
    this.#state = observe(this.#state, result.ok, at, this.plan);
    this.#onResult(this);
  }
}
