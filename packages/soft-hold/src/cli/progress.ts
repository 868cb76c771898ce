const WIDTH = 30;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** A bar on stderr while it is a terminal, erased at the end and by Ctrl-C; silent otherwise. */
export class Progress {
  readonly #label: string;
  readonly #shown: boolean;

  constructor(label: string, shown: boolean) {
    this.#label = label;
    this.#shown = shown && process.stderr.isTTY === true;
    if (this.#shown) for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  /** Readable as `onProgress`. */
  readonly show = (done: number, total: number): void => {
    if (!this.#shown) return;
    const part = total === 0 ? 1 : Math.min(1, done / total);
    const filled = Math.round(part * WIDTH);
    const bar = '#'.repeat(filled) + '.'.repeat(WIDTH - filled);
    process.stderr.write(`\r${this.#label} [${bar}] ${Math.round(part * 100)} %`);
  };

  end(): void {
    if (!this.#shown) return;
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
    process.stderr.write('\r\x1b[2K');
  }

  // again, with nobody listening: only a process that died of the signal tells the shell so
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.end();
    process.kill(process.pid, signal);
  };
}
