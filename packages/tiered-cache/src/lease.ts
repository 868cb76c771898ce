import type { LogWriter } from './log-writer.ts';

/**
 * The right to load a key, renewed while the load takes its time. Any change of the key takes it
 * away, and a holder that crashes loses it after `leaseMs`.
 */
export class Lease {
  readonly #log: LogWriter;
  readonly #key: string;
  readonly token: string;
  readonly #renewal: NodeJS.Timeout;

  constructor(log: LogWriter, key: string, token: string, leaseMs: number) {
    this.#log = log;
    this.#key = key;
    this.token = token;
    this.#renewal = setInterval(() => this.#renew(), leaseMs / 3).unref();
  }

  #renew(): void {
    this.#log.leaseExtend(this.#key, this.token).then(
      (extended) => {
        if (!extended) this.end();
      },
      () => {}, // the next one may get through
    );
  }

  /** It is not renewed any more. */
  end(): void {
    clearInterval(this.#renewal);
  }

  /** Lets others load at once. */
  release(): Promise<void> {
    this.end();
    return this.#log.leaseRelease(this.#key, this.token);
  }
}
