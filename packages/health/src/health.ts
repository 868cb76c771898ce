import { channel } from 'node:diagnostics_channel';
import {
  asSource,
  type CheckFunction,
  type CheckOptions,
  type CheckSource,
  planCheck,
} from './check.ts';
import { CheckRunner } from './check-runner.ts';
import { detailsGuard } from './details-token.ts';
import type { CheckHistory } from './history.ts';
import { knownOptions } from './known-options.ts';
import { requireFunction, requireMethods, requireText } from './options.ts';
import { type Quorum, QuorumWatch } from './quorum.ts';
import { redact } from './redact.ts';
import { type CheckReport, type GroupReport, type HealthStatus, worstOf } from './report.ts';
import { SafeEmitter } from './safe-emitter.ts';

/** Options of a Health. */
export interface HealthOptions {
  /** The service's name, shown as `serviceId`. */
  readonly service: string;
  /** The running version, shown with the details; default none. */
  readonly version?: string;
  /** Who sends `Authorization: Bearer <detailsToken>` sees the details; at least 16 characters; default: nobody. */
  readonly detailsToken?: string;
  /** What the other instances see of the shared dependencies; default none: a shared failure always degrades. */
  readonly quorum?: Quorum;
  /** Monotonic time in ms, for tests; default `performance.now()`. */
  readonly clock?: () => number;
}

/** One check became better or worse: what `change` is emitted with. */
export interface HealthChange {
  readonly name: string;
  readonly from: HealthStatus | 'unknown';
  readonly to: HealthStatus;
  /** Why, when the new status is not `pass`; without secrets. */
  readonly reason?: string;
}

/** One group became better or worse: what `group` is emitted with. */
export interface GroupChange {
  readonly group: string;
  readonly from: HealthStatus | 'unknown';
  readonly to: HealthStatus;
}

/** The events of a Health, each also published on the diagnostics channel `evenkeel:health:<event>`. */
export interface HealthEvents {
  /** A check's status changed. */
  change: HealthChange;
  /** A group's status changed, as seen by whoever asked for it. */
  group: GroupChange;
  /** The instance began to drain: readiness fails from here on. The payload is the reason. */
  drain: string;
}

/** Everything that is known now, without asking anybody. */
export interface HealthSnapshot {
  readonly service: string;
  readonly version?: string;
  readonly isDraining: boolean;
  readonly groups: Readonly<Record<string, HealthStatus>>;
  readonly checks: readonly CheckReport[];
}

const channels = {
  change: channel('evenkeel:health:change'),
  group: channel('evenkeel:health:group'),
  drain: channel('evenkeel:health:drain'),
} as const;
const BUILT_IN = ['liveness', 'readiness', 'startup'];

/**
 * Knows whether this instance is alive, ready and started, by asking its dependencies for real data within a budget.
 *
 * Checks belong to groups. `liveness` is for what only a restart mends, so no shared dependency may be in it;
 * `readiness` fails while a local check is unhealthy or the instance drains; `startup` passes once and for all.
 * A failing *shared* dependency degrades a group (`warn`, still HTTP 200) and does not fail it, unless a quorum says that
 * this instance is alone with the failure.
 * Nothing runs before the first probe, except checks with an `intervalMs`, which start with their first interval.
 */
export class Health {
  readonly service: string;
  readonly version: string | undefined;
  readonly #clock: () => number;
  readonly #mayReadDetails: (authorization: string | undefined) => boolean;
  readonly #events = new SafeEmitter<HealthEvents>();
  readonly #runners = new Map<string, CheckRunner>();
  readonly #groups = new Map<string, CheckRunner[]>(BUILT_IN.map((name) => [name, []]));
  readonly #published = new Map<CheckRunner, HealthStatus>();
  readonly #publishedGroups = new Map<string, HealthStatus>();
  readonly #quorum: QuorumWatch | undefined;
  #drainReason: string | undefined;
  #hasStarted = false;

  /** @throws TypeError or RangeError naming field, rule and value when an option is wrong. */
  constructor(options: HealthOptions) {
    knownOptions(options, {
      service: true,
      version: true,
      detailsToken: true,
      quorum: true,
      clock: true,
    });
    this.service = requireText('service', options.service, /^\S.{0,99}$/, 'not to be empty');
    this.version =
      options.version === undefined
        ? undefined
        : requireText('version', options.version, /^.{1,100}$/, 'of 1 to 100 characters');
    this.#clock = requireFunction('clock', options.clock ?? (() => performance.now()));
    this.#mayReadDetails = detailsGuard(options.detailsToken);
    this.#quorum =
      options.quorum === undefined
        ? undefined
        : new QuorumWatch(
            this.service,
            requireMethods('quorum', options.quorum, ['vote']),
            (runner) => void this.#publish(runner),
          );
  }

  /**
   * Registers a check: `check(name, functionOrObject, options)`, or `check(object, options)` for an object with a name,
   * such as a breaker's `healthCheck()`.
   * @throws TypeError or RangeError naming field, rule and value; RangeError when the name is taken.
   */
  check(name: string, check: CheckFunction | CheckSource, options?: CheckOptions): this;
  check(check: CheckSource & { readonly name: string }, options?: CheckOptions): this;
  check(
    first: string | (CheckSource & { readonly name: string }),
    second: CheckFunction | CheckSource | CheckOptions = {},
    third: CheckOptions = {},
  ): this {
    const isNamed = typeof first === 'string';
    const source = asSource(isNamed ? (second as CheckFunction | CheckSource) : first);
    const options = isNamed ? third : (second as CheckOptions);
    const plan = planCheck(isNamed ? first : first.name, source, options);
    if (this.#runners.has(plan.name)) {
      throw new RangeError(`Expected \`name\` not to be registered yet, got "${plan.name}"`);
    }
    const runner = new CheckRunner(plan, source, this.#clock, (done) => this.#onResult(done));
    this.#runners.set(plan.name, runner);
    for (const group of plan.groups) {
      const members = this.#groups.get(group);
      if (members === undefined) this.#groups.set(group, [runner]);
      else members.push(runner);
    }
    return this;
  }

  /** Whether this process should be left running. Touches no shared dependency; 200 while draining. */
  liveness(): Promise<GroupReport> {
    return this.group('liveness');
  }

  /** Whether this instance should be sent requests. Fails from the first moment of a drain. */
  readiness(): Promise<GroupReport> {
    return this.group('readiness');
  }

  /** Whether this instance has come up: once it did not fail it passes for good. */
  startup(): Promise<GroupReport> {
    return this.group('startup');
  }

  /**
   * The report of one group, after running those of its checks whose results are too old, each at most once at a time.
   * Answers within the largest `timeoutMs` of them.
   * @throws RangeError when there is no such group.
   */
  async group(name: string): Promise<GroupReport> {
    const members = this.#groups.get(name);
    if (members === undefined) {
      throw new RangeError(
        `Expected a group of ${[...this.#groups.keys()].join(', ')}, got "${name}"`,
      );
    }
    const hasStarted = name === 'startup' && this.#hasStarted;
    if (!hasStarted) await refreshAll(members);
    return this.#report(name, members);
  }

  /** The report over every check there is, whatever its group, after the same refresh. Draining does not fail it. */
  async all(): Promise<GroupReport> {
    const members = [...this.#runners.values()];
    await refreshAll(members);
    return this.#report('all', members);
  }

  /** Whether a group of this name exists. */
  hasGroup(name: string): boolean {
    return this.#groups.has(name);
  }

  /**
   * The last 256 runs of a check as percentiles, and its last 20 changes. O(n log n) in the runs kept.
   * @throws RangeError when there is no such check.
   */
  history(name: string): CheckHistory {
    const runner = this.#runners.get(name);
    if (runner === undefined) {
      throw new RangeError(
        `Expected a check of ${[...this.#runners.keys()].join(', ') || 'none'}, got "${name}"`,
      );
    }
    return runner.history();
  }

  /** What is known at this moment. Runs nothing, waits for nothing. */
  snapshot(): HealthSnapshot {
    const groups: Record<string, HealthStatus> = {};
    for (const [name, members] of this.#groups) groups[name] = this.#report(name, members).status;
    return {
      service: this.service,
      ...(this.version !== undefined && { version: this.version }),
      isDraining: this.isDraining,
      groups,
      checks: [...this.#runners.values()].map((runner) => this.#publish(runner)),
    };
  }

  /** Whether `drain` was called. */
  get isDraining(): boolean {
    return this.#drainReason !== undefined;
  }

  /** Fails readiness from now on, for good, and leaves liveness as it is. A second call changes nothing. */
  drain(reason = 'draining'): void {
    if (this.#drainReason !== undefined) return;
    this.#drainReason = redact(reason);
    this.#emit('drain', this.#drainReason);
  }

  /** Whether this Authorization header carries the details token; compared in constant time. */
  mayReadDetails(authorization: string | undefined): boolean {
    return this.#mayReadDetails(authorization);
  }

  /** Calls `listener` at each event; the function that comes back takes it off. A throwing listener harms nobody. */
  on<Name extends keyof HealthEvents>(
    name: Name,
    listener: (payload: HealthEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  /** Stops polling, cancels what runs and closes what the checks opened for themselves. Never rejects. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#runners.values()].map((runner) => runner.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #report(name: string, members: readonly CheckRunner[]): GroupReport {
    const checks = members.map((runner) => this.#publish(runner));
    let status = worstOf(checks);
    if (name === 'readiness' && this.isDraining) status = 'fail';
    if (name === 'startup') {
      if (this.#hasStarted) status = 'pass';
      else if (status !== 'fail') this.#hasStarted = true;
    }
    // As with a check, nothing is said of a group before all of its first results.
    if (checks.every(({ checkedAt }) => checkedAt !== undefined)) this.#publishGroup(name, status);
    return {
      group: name,
      status,
      isDraining: this.isDraining,
      service: this.service,
      ...(this.version !== undefined && { version: this.version }),
      checks,
    };
  }

  #onResult(runner: CheckRunner): void {
    // An instance that leaves has no say in who stays.
    if (runner.plan.scope === 'shared' && !this.isDraining) this.#quorum?.vote(runner);
    this.#publish(runner);
  }

  /** Reports a check and tells the listeners if it is not what they were told last. */
  #publish(runner: CheckRunner): CheckReport {
    const report = runner.report(this.#quorum?.isAlone(runner));
    const from = this.#published.get(runner) ?? 'unknown';
    // Nothing is said of a check before its first result.
    if (report.checkedAt === undefined || from === report.status) return report;
    this.#published.set(runner, report.status);
    const { name, status: to, reason } = report;
    runner.noteChange(from, to, reason);
    this.#emit('change', { name, from, to, ...(reason !== undefined && { reason }) });
    return report;
  }

  #publishGroup(group: string, to: HealthStatus): void {
    const from = this.#publishedGroups.get(group) ?? 'unknown';
    if (from === to) return;
    this.#publishedGroups.set(group, to);
    this.#emit('group', { group, from, to });
  }

  #emit<Name extends keyof HealthEvents>(name: Name, payload: HealthEvents[Name]): void {
    this.#events.emit(name, payload);
    const { service } = this;
    if (!channels[name].hasSubscribers) return;
    channels[name].publish(
      typeof payload === 'string' ? { service, reason: payload } : { service, ...payload },
    );
  }
}

async function refreshAll(runners: readonly CheckRunner[]): Promise<void> {
  const running = runners.map((runner) => runner.refresh()).filter((run) => run !== undefined);
  if (running.length > 0) await Promise.all(running);
}
