import type { Server } from 'node:net';
import { HttpDrain } from './drain/http-drain.ts';
import { InFlight } from './drain/in-flight.ts';
import {
  planCaps,
  planPhases,
  type ShutdownCaps,
  type ShutdownPhase,
  type ShutdownPhases,
  type ShutdownStep,
  workMsOf,
} from './drain/phases.ts';
import { ProcessSignals, type UncaughtPolicy } from './drain/process-signals.ts';
import {
  type CutWork,
  type FailedStep,
  linesOf,
  type ShutdownReport,
} from './drain/shutdown-report.ts';
import { closeWebSockets, type WebSocketServerLike } from './drain/websocket-drain.ts';
import type { Health } from './health.ts';
import { knownOptions } from './known-options.ts';
import { requireFunction, requireMethods, requireNumber, requireOneOf } from './options.ts';
import { errorText, framesOf, redact } from './redact.ts';
import { SafeEmitter } from './safe-emitter.ts';

/** How much of what the phase `http` has left idle sockets may take; a `keepAliveTimeout` of 72 s is Fastify's default. */
const LINGER_SHARE = 0.8;

/** Options of a GracefulShutdown. */
export interface GracefulShutdownOptions {
  /** Its readiness fails from the first moment; it is closed after the phase `http`. */
  readonly health?: Pick<Health, 'drain' | 'close'>;
  /** `http`, `https` and `http2` servers, Fastify's `app.server`; default none. Hand them over before they listen. */
  readonly servers?: readonly Server[];
  /** Servers of `ws`, whose clients are closed with 1001; default none. */
  readonly webSocketServers?: readonly WebSocketServerLike[];
  /** All the time there is, in ms; default 28,000: Kubernetes kills after 30 s. */
  readonly graceMs?: number;
  /** How long, in ms, the listener stays open after readiness began to fail; default 5,000 (at most a quarter of `graceMs`) in Kubernetes, else 0. */
  readonly drainDelayMs?: number;
  /** How long, in ms, idle kept-alive sockets stay open after the listener has closed; default the server's `keepAliveTimeout`; at most 4/5 of what `http` has left. */
  readonly lingerMs?: number;
  /** Within how many ms the WebSockets are closed, each at a random moment; default 1,000, at most a quarter of what `http` has. */
  readonly webSocketJitterMs?: number;
  /** What to do in each phase; the steps of one phase run side by side; default nothing. */
  readonly phases?: ShutdownPhases;
  /** The most time for each phase, in ms; default, of `graceMs`: jobs 9/14, consumers 2/14, http 11/14 (beside those two), the others 1/14 each. */
  readonly capsMs?: Partial<Record<ShutdownPhase, number>>;
  /** What `listen()` does about an uncaught exception or rejection: `drain` and exit 1, `exit` 1 at once, or leave it to Node by `ignore`; default `drain`. */
  readonly uncaughtException?: UncaughtPolicy;
  /** Gets a line for everything that was cut, failed or thrown; default standard error. */
  readonly log?: (line: string) => void;
  /** Ends the process, for tests; default `process.exit`. */
  readonly exit?: (code: number) => void;
  /** Monotonic time in ms, for tests; default `performance.now()`. */
  readonly clock?: () => number;
  /** In [0, 1), for the jitter; default `Math.random`. */
  readonly random?: () => number;
}

const OPTIONS: Readonly<Record<keyof GracefulShutdownOptions, true>> = {
  health: true,
  servers: true,
  webSocketServers: true,
  graceMs: true,
  drainDelayMs: true,
  lingerMs: true,
  webSocketJitterMs: true,
  phases: true,
  capsMs: true,
  uncaughtException: true,
  log: true,
  exit: true,
  clock: true,
  random: true,
};

/** The events of a GracefulShutdown. */
export interface GracefulShutdownEvents {
  /** It began; the payload is the reason. */
  start: string;
  /** A phase ended. */
  phase: { readonly phase: ShutdownPhase; readonly durationMs: number };
  /** It ended. */
  finish: ShutdownReport;
}

/**
 * Takes a process out of service without losing a request that was sent to it.
 *
 *     0 ms      readiness fails, liveness stays; every response says Connection: close; jobs stop being taken
 *     + delay   listeners close; WebSockets get 1001; requests, jobs and consumers come to their end side by side
 *     then      tracked work -> health's own connections -> caches -> db -> telemetry, each within its cap
 *     end       exit code 0, or 1 and the list of what was cut or failed
 *
 * A second signal ends it now. `run()` alone neither listens to signals nor exits.
 */
export class GracefulShutdown {
  readonly #health: Pick<Health, 'drain' | 'close'> | undefined;
  readonly #drains: readonly HttpDrain[];
  readonly #webSocketServers: readonly WebSocketServerLike[];
  readonly #drainDelayMs: number;
  readonly #lingerMs: number | undefined;
  readonly #webSocketJitterMs: number;
  readonly #phases: ReadonlyMap<ShutdownPhase, ShutdownStep[]>;
  readonly #capsMs: ShutdownCaps;
  readonly #log: (line: string) => void;
  readonly #clock: () => number;
  readonly #random: () => number;
  readonly #signals: ProcessSignals;
  readonly #events = new SafeEmitter<GracefulShutdownEvents>();
  readonly #work = new InFlight();
  readonly #begun = new AbortController();
  /** Aborted by a second signal: every wait ends, what has not ended is cut. */
  readonly #now = new AbortController();
  readonly #cut: CutWork[] = [];
  readonly #failed: FailedStep[] = [];
  #run: Promise<ShutdownReport> | undefined;

  /** @throws TypeError or RangeError naming field, rule and value when an option is wrong. */
  constructor(options: GracefulShutdownOptions = {}) {
    knownOptions(options, OPTIONS);
    if (options.health !== undefined) requireMethods('health', options.health, ['drain', 'close']);
    for (const server of options.servers ?? []) {
      requireMethods('servers', server, ['close', 'on', 'prependListener']);
    }
    for (const server of options.webSocketServers ?? []) {
      requireMethods('webSocketServers', server, ['on']);
      requireMethods('webSocketServers.clients', server.clients, ['forEach']);
    }
    const graceMs = requireNumber('graceMs', options.graceMs ?? 28_000, 1, 86_400_000);
    this.#capsMs = planCaps(graceMs, options.capsMs ?? {});
    const isInKubernetes = process.env.KUBERNETES_SERVICE_HOST !== undefined;
    const delayMs = options.drainDelayMs ?? (isInKubernetes ? Math.min(5_000, graceMs / 4) : 0);
    this.#drainDelayMs = requireNumber('drainDelayMs', delayMs, 0, this.#capsMs.http);
    this.#lingerMs =
      options.lingerMs === undefined ? undefined : requireNumber('lingerMs', options.lingerMs, 0);
    this.#webSocketJitterMs = requireNumber(
      'webSocketJitterMs',
      options.webSocketJitterMs ?? Math.min(1_000, this.#capsMs.http / 4),
      0,
      this.#capsMs.http,
    );
    this.#phases = planPhases(options.phases ?? {});
    this.#log = requireFunction(
      'log',
      options.log ?? ((line) => process.stderr.write(`${line}\n`)),
    );
    this.#clock = requireFunction('clock', options.clock ?? (() => performance.now()));
    this.#random = requireFunction('random', options.random ?? Math.random);
    this.#signals = new ProcessSignals({
      policy: requireOneOf('uncaughtException', options.uncaughtException ?? 'drain', [
        'drain',
        'exit',
        'ignore',
      ]),
      exit: requireFunction('exit', options.exit ?? ((code) => process.exit(code))),
      run: (reason) => this.run(reason),
      hurry: (reason) => this.#hurry(reason),
      fail: (what, error) => this.#fail('process', what, error),
    });
    this.#health = options.health;
    this.#webSocketServers = [...(options.webSocketServers ?? [])];
    this.#drains = (options.servers ?? []).map((server) => new HttpDrain(server));
  }

  /** Aborted at the first moment of the shutdown: for loops that should begin nothing new. */
  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  /** How much tracked work is running now. */
  get inFlight(): number {
    return this.#work.size;
  }

  /**
   * Makes the shutdown wait for a piece of work that is not a request, such as a payment after its 202.
   * Returns the same promise; `name` is how a report calls the work if it has to be cut.
   */
  track<T>(work: Promise<T> | (() => Promise<T> | T), name = 'tracked work'): Promise<T> {
    const promise =
      typeof work === 'function' ? new Promise<T>((resolve) => resolve(work())) : work;
    return this.#work.add(promise, redact(name));
  }

  /**
   * Shuts down on SIGTERM and SIGINT, then exits with the report's code; a second one exits now. Handles uncaught
   * exceptions by the policy. Calling it again changes nothing; `close()` takes the handlers off.
   */
  listen(): this {
    this.#signals.attach();
    return this;
  }

  /** Shuts down once, whatever the number of calls; resolves with how it went. Never rejects, never exits. */
  run(reason = 'run()'): Promise<ShutdownReport> {
    this.#run ??= this.#drain(redact(reason));
    return this.#run;
  }

  /** Calls `listener` at each event; the function that comes back takes it off. A throwing listener harms nobody. */
  on<Name extends keyof GracefulShutdownEvents>(
    name: Name,
    listener: (payload: GracefulShutdownEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  /** Takes the signal handlers off; a shutdown that has begun goes on. */
  async close(): Promise<void> {
    this.#signals.detach();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #drain(reason: string): Promise<ShutdownReport> {
    const startedAt = this.#clock();
    this.#begun.abort(new Error(`shutting down: ${reason}`));
    this.#health?.drain(reason);
    for (const drain of this.#drains) drain.begin();
    this.#events.emit('start', reason);

    await Promise.all([
      this.#jobsAndConsumers(),
      this.#phase('http', (s) => this.#closeServers(s)),
    ]);
    const leftMs = startedAt + workMsOf(this.#capsMs) - this.#clock();
    // Probes were answered until here; now there is nobody left to ask.
    const rest = Promise.all([this.#work.idle(), this.#health?.close()]);
    if (await this.#isOverdue(rest, leftMs)) this.#cutTracked();
    for (const phase of ['caches', 'db', 'telemetry'] as const) await this.#phase(phase);

    const hasTrouble = this.#cut.length > 0 || this.#failed.length > 0;
    const report: ShutdownReport = {
      reason,
      durationMs: this.#clock() - startedAt,
      cut: [...this.#cut],
      failed: [...this.#failed],
      exitCode: hasTrouble ? 1 : 0,
    };
    for (const line of linesOf(report)) this.#say(line);
    this.#events.emit('finish', report);
    return report;
  }

  async #jobsAndConsumers(): Promise<void> {
    // A job that is running may still need its consumer, to commit what it has done.
    await this.#phase('jobs', () => this.#work.settled());
    await this.#phase('consumers');
  }

  /** Runs our own part of a phase and the caller's steps, and notes what had not ended when the time was up. */
  async #phase(
    phase: ShutdownPhase,
    own?: (signal: AbortSignal) => Promise<unknown>,
  ): Promise<void> {
    const startedAt = this.#clock();
    const controller = new AbortController();
    const open = new Set<string>();
    const steps = (this.#phases.get(phase) ?? []).map((step, index) => {
      const what = step.name || `${phase}[${index}]`;
      const label = open.has(what) ? `${what}[${index}]` : what;
      open.add(label);
      return async () => {
        try {
          await step(controller.signal);
        } catch (error) {
          // Once it was cut, how it takes that is no news.
          if (!controller.signal.aborted) this.#fail(phase, label, error);
        } finally {
          open.delete(label);
        }
      };
    });
    const ours = async () => {
      try {
        await own?.(controller.signal);
      } catch (error) {
        this.#fail(phase, phase, error);
      }
    };
    const all = async () => {
      // The sockets have to be empty before a framework is told to close, or it would answer 503 meanwhile.
      if (phase === 'http') await ours();
      const running = steps.map((step) => step());
      if (phase !== 'http') await ours();
      await Promise.all(running);
    };
    if (await this.#isOverdue(all(), this.#capsMs[phase])) {
      const requests = phase === 'http' ? this.#drains.flatMap((drain) => drain.inFlight) : [];
      for (const what of [...requests, ...open]) this.#cut.push({ phase, what: redact(what) });
      controller.abort(new Error(`the time of the phase ${phase} is up`));
      if (phase === 'http') for (const drain of this.#drains) drain.destroy();
    }
    this.#events.emit('phase', { phase, durationMs: this.#clock() - startedAt });
  }

  async #closeServers(signal: AbortSignal): Promise<void> {
    if (this.#drains.length > 0 || this.#webSocketServers.length > 0) {
      await this.#isOverdue(new Promise(() => undefined), this.#drainDelayMs);
    }
    // Idle sockets may not use up the time of the steps that come after them.
    const mostMs = (this.#capsMs.http - this.#drainDelayMs) * LINGER_SHARE;
    const closing = this.#drains.map((drain) => drain.close(this.#lingerMs, mostMs));
    await Promise.all([
      ...closing,
      closeWebSockets(this.#webSocketServers, this.#webSocketJitterMs, this.#random, signal),
    ]);
  }

  /** Waits for `work`; true when its time was up first, or a second signal came. The timer holds the process: this must end. */
  async #isOverdue(work: Promise<unknown>, ms: number): Promise<boolean> {
    const { signal } = this.#now;
    if (signal.aborted) ms = 0;
    let stop = () => {};
    const overdue = new Promise<boolean>((resolve) => {
      const end = () => resolve(true);
      const timer = setTimeout(end, Math.max(0, ms));
      signal.addEventListener('abort', end, { once: true });
      stop = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
      };
    });
    const inTime = () => false;
    const isOverdue = await Promise.race([work.then(inTime, inTime), overdue]);
    stop();
    return isOverdue;
  }

  #cutTracked(): void {
    for (const what of this.#work.names) this.#cut.push({ phase: 'jobs', what });
  }

  #hurry(reason: string): void {
    if (this.#now.signal.aborted) return;
    this.#say(`${reason} while shutting down: ending now`);
    this.#now.abort();
  }

  #fail(phase: FailedStep['phase'], what: string, error: unknown): void {
    const failure = { phase, what: redact(what), error: errorText(error) };
    this.#failed.push(failure);
    if (phase !== 'process') return;
    this.#say(`${failure.what}: ${failure.error}`);
    for (const frame of framesOf(error)) this.#say(frame);
  }

  #say(line: string): void {
    try {
      this.#log(line);
    } catch {
      // A log that is closed already must not stop the shutdown.
    }
  }
}
