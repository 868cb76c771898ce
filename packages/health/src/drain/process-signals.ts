import type { ShutdownReport } from './shutdown-report.ts';

/** What is done about an exception that nobody caught. */
export type UncaughtPolicy = 'drain' | 'exit' | 'ignore';

/** What the process asks for when something happens to it. */
export interface ProcessSignalsTarget {
  readonly policy: UncaughtPolicy;
  /** Shuts down; the same shutdown for every call. */
  run(reason: string): Promise<ShutdownReport>;
  /** Ends a shutdown that is running. */
  hurry(reason: string): void;
  /** Notes what was thrown. */
  fail(what: string, error: unknown): void;
  exit(code: number): void;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Binds a shutdown to what happens to the process.
 *
 *     first SIGTERM or SIGINT   shut down, exit with the report's code
 *     second                    now: cut what is left, exit 1
 *     uncaught exception        by the policy; while shutting down: noted, the shutdown goes on, exit 1
 */
export class ProcessSignals {
  readonly #target: ProcessSignalsTarget;
  #isAttached = false;
  #isShuttingDown = false;
  #hasThrown = false;

  constructor(target: ProcessSignalsTarget) {
    this.#target = target;
  }

  attach(): void {
    if (this.#isAttached) return;
    this.#isAttached = true;
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
    if (this.#target.policy === 'ignore') return;
    process.on('uncaughtException', this.#onException);
    process.on('unhandledRejection', this.#onRejection);
  }

  detach(): void {
    this.#isAttached = false;
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
    process.off('uncaughtException', this.#onException);
    process.off('unhandledRejection', this.#onRejection);
  }

  readonly #onSignal = (signal: NodeJS.Signals) => {
    if (this.#isShuttingDown) this.#target.hurry(signal);
    else this.#shutDown(signal);
  };

  readonly #onException = (error: unknown) => this.#onUncaught('uncaughtException', error);
  readonly #onRejection = (error: unknown) => this.#onUncaught('unhandledRejection', error);

  #onUncaught(what: string, error: unknown): void {
    this.#hasThrown = true;
    this.#target.fail(what, error);
    if (this.#target.policy === 'exit') this.#target.exit(1);
    else if (!this.#isShuttingDown) this.#shutDown(what);
  }

  #shutDown(reason: string): void {
    this.#isShuttingDown = true;
    void this.#target
      .run(reason)
      // What was thrown after the report was made counts as well.
      .then((report) => this.#target.exit(this.#hasThrown ? 1 : report.exitCode));
  }
}
