/** The run on the screen: finished lines, and on a terminal one live line below them. */
import { Steps } from '../launcher/steps.ts';

export class Progress {
  readonly #steps = new Steps();
  readonly #isTerminal = process.stdout.isTTY;

  line(text: string): void {
    this.live('');
    this.#steps.line(text);
  }
  step<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.live('');
    return this.#steps.run(name, work);
  }
  /** Overwritten by the next one. */
  live(text: string): void {
    if (this.#isTerminal)
      process.stdout.write(`\r\u001b[K${text.slice(0, process.stdout.columns - 1)}`);
  }
}
