/**
 * One or more services as a child process, restarted with back-off when it dies: what Kubernetes does for a
 * pod, done here for one machine.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from './options.ts';
import { program } from './program.ts';

/**
 * As in the Dockerfile and compose.yaml. V8 looks for garbage in a quiet heap each 100 s, 150 to 400 ms among 18,000 who wait,
 * for next to none, and in the moment in which all of them are told something as well. Set later it changes nothing.
 */
const v8Flags = ['--no-memory-reducer'];
const firstBackOffMs = 200;
const maxBackOffMs = 5_000;
/** alive for so long means that the next crash is a new story */
const steadyMs = 10_000;
/** exit code of a service whose environment is wrong: starting it again changes nothing */
const badConfigCode = 78;
const keptLines = 10;

export type ServiceProcessOptions = {
  name: string;
  /** what it runs, as `services/main.ts` is told */
  services: readonly string[];
  env: Record<string, string>;
  /** gets each line of output */
  onLine?: (line: string) => void;
  /** after a crash, before the restart */
  onCrash?: (how: string, backOffMs: number) => void;
  /** SIGTERM, then this long, then SIGKILL. Default 30 s */
  graceMs?: number;
};

export class ServiceProcess {
  readonly name: string;
  readonly #options: ServiceProcessOptions;
  readonly #lines: string[] = [];
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;
  #loop: Promise<void> | undefined;
  #failure: StartError | undefined;
  #wasReady = false;
  readonly #told = new Map<string, object>();

  constructor(options: ServiceProcessOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Its last lines of output, each in a line. */
  get lastWords(): string {
    return this.#lines.join('\n  ');
  }

  start(): void {
    this.#loop ??= this.#supervise();
  }

  /** Turns a switch of the process (`services/switches.ts`), now and after every restart. */
  tell(name: string, isOn: boolean): void {
    const message = { switch: name, isOn };
    this.#told.set(name, message);
    if (this.#child?.connected) this.#child.send(message, () => {});
  }

  /** While it comes up. @throws StartError with the process's last words when it cannot run at all */
  assertAlive(): void {
    if (this.#failure) throw this.#failure;
  }

  /** It has worked once: from now on it is started again however often it dies. */
  confirmReady(): void {
    this.#wasReady = true;
  }

  /** Lets the process finish what it has begun; true when it ended by itself and in time. */
  async stop(): Promise<boolean> {
    this.#stopping.abort();
    const child = this.#child;
    let killed = false;
    if (child) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => {
        killed = true;
        child.kill('SIGKILL');
      }, this.#options.graceMs ?? 30_000);
      await this.#loop;
      clearTimeout(timer);
    } else await this.#loop;
    return !killed;
  }

  async #supervise(): Promise<void> {
    let backOffMs = firstBackOffMs;
    let crashes = 0;
    while (!this.#stopping.signal.aborted) {
      const start = performance.now();
      const how = await this.#runOnce();
      if (this.#stopping.signal.aborted) return;
      if (performance.now() - start > steadyMs) backOffMs = firstBackOffMs;
      crashes += 1;
      const isHopeless = how === `exit code ${badConfigCode}` || crashes >= 5;
      if (!this.#wasReady && isHopeless) {
        this.#failure = new StartError(`${this.name} ended with ${how}:\n  ${this.lastWords}`);
        return;
      }
      this.#options.onCrash?.(how, backOffMs);
      await sleep(backOffMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
      backOffMs = Math.min(backOffMs * 2, maxBackOffMs);
    }
  }

  /** Resolves with how the process ended. */
  async #runOnce(): Promise<string> {
    let main: string;
    try {
      main = await program();
    } catch (error) {
      return `no program of the services: ${(error as Error).message}`;
    }
    if (this.#stopping.signal.aborted) return 'no start';
    const flags = [...v8Flags, '--enable-source-maps'];
    const child = spawn(process.execPath, [...flags, main, ...this.#options.services], {
      env: { ...process.env, ...this.#options.env },
      // in a process group of its own, Ctrl-C reaches only us, and we stop things in order;
      // the channel closes when we die, whatever the way, and the child stops itself then
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    for (const message of this.#told.values()) child.send(message, () => {});
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        this.#lines.push(line);
        if (this.#lines.length > keptLines) this.#lines.shift();
        this.#options.onLine?.(line);
      });
    }
    return new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      // `close` comes after the last line of output
      child.once('close', (code, signal) => {
        this.#child = undefined;
        resolve(signal ?? `exit code ${code}`);
      });
    });
  }
}
