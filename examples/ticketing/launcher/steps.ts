import type { WriteStream } from 'node:tty';

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/**
 * The start on the screen: a line for each finished step with its time, and below them, on a
 * terminal, one live line with what is going on. In a pipe only the finished lines appear.
 */
export class Steps {
  readonly #out: WriteStream | NodeJS.WriteStream;
  readonly #running = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #frame = 0;

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out;
  }

  /** Shows `name` until `work` has settled, then its time. A failure is passed on. */
  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    this.#running.set(name, start);
    this.#animate();
    try {
      const result = await work();
      this.#end(name);
      this.line(`${mark('✓', 32, this.#out)} ${name} ${seconds(performance.now() - start)}`);
      return result;
    } catch (error) {
      this.#end(name);
      this.line(`${mark('✗', 31, this.#out)} ${name} ${seconds(performance.now() - start)}`);
      throw error;
    }
  }

  /** A line that stays. */
  line(text: string): void {
    this.#clear();
    this.#out.write(`${text}\n`);
    this.#draw();
  }

  #end(name: string): void {
    this.#clear();
    this.#running.delete(name);
    if (this.#running.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #animate(): void {
    if (!this.#out.isTTY) return;
    this.#timer ??= setInterval(() => {
      this.#frame += 1;
      this.#clear();
      this.#draw();
    }, 100).unref();
  }

  #draw(): void {
    if (!this.#out.isTTY || this.#running.size === 0) return;
    const parts = [...this.#running].map(
      ([name, start]) => `${name} ${seconds(performance.now() - start)}`,
    );
    const text = `${frames[this.#frame % frames.length]} ${parts.join('  ·  ')}`;
    this.#out.write(text.slice(0, this.#out.columns - 1));
  }

  #clear(): void {
    if (this.#out.isTTY) this.#out.write('\r\u001b[K');
  }
}

export function seconds(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

function mark(sign: string, color: number, out: { isTTY?: boolean }): string {
  return out.isTTY ? `\u001b[${color}m${sign}\u001b[0m` : sign;
}
