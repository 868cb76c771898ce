import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('..', import.meta.url));
const flags = ['--conditions=@evenkeel/source', '--import', 'tsx'];

/** A program of this folder as a process of its own, with all it says. */
export class Run {
  output = '';
  readonly #child;
  readonly #ended: Promise<unknown>;

  constructor(file: string, args: string[] = [], env: Record<string, string | undefined> = {}) {
    this.#child = spawn(process.execPath, [...flags, `${folder}${file}`, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    this.#ended = once(this.#child, 'close');
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves with the exit code, or the signal that ended it. */
  async end(): Promise<number | string> {
    await this.#ended;
    return this.#child.exitCode ?? (this.#child.signalCode as string);
  }

  /** Resolves once the output contains `text`. */
  async says(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      if (this.#child.exitCode !== null) throw new Error(`It ended first:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** The processes that it has started and that run now. */
  children(): number[] {
    const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).split('\n');
    return lines
      .map((line) => line.trim().split(/\s+/).map(Number))
      .filter(([, parent]) => parent === this.pid)
      .map(([pid]) => pid as number)
      .filter(isAlive);
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
