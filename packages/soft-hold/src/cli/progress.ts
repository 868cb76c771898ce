const WIDTH = 30;

/** A bar on stderr while it is a terminal; silent otherwise. */
export class Progress {
  readonly #label: string;
  readonly #shown: boolean;

  constructor(label: string, shown: boolean) {
    this.#label = label;
    this.#shown = shown && process.stderr.isTTY === true;
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
    if (this.#shown) process.stderr.write('\r\x1b[2K');
  }
}
