import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AddressInUseError, BackendError, textOf } from './backend-error.ts';
import { signalTree } from './process-tree.ts';
import { forget, remember, removeFolder } from './reaper.ts';

const POLL_MS = 20;
const STOP_GRACE_MS = 10_000;

/** How a server is launched and recognised; the same again at every restart. */
export interface NativeServerPlan {
  /** For messages: `Redis`. */
  name: string;
  version: string;
  /** Address for clients. */
  url: string;
  port: number;
  /** Its own folder: data and log; deleted by `stop()`. */
  folder: string;
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  user?: { uid: number; gid: number } | undefined;
  /** What it writes to its log when it serves clients. */
  ready: RegExp;
  readyTimeoutMs: number;
  /** Ends it soon and in order. */
  stopSignal: NodeJS.Signals;
  /** Removes what a killed server leaves outside of its folder. */
  cleanUp?: () => Promise<void>;
}

/**
 * One server process of our own, on 127.0.0.1, in a process group of its own (the terminal's Ctrl-C must not
 * reach it before us). It does not keep this process alive, and does not outlive it.
 */
export class NativeServer {
  readonly #plan: NativeServerPlan;
  #child: ChildProcess | undefined;

  constructor(plan: NativeServerPlan) {
    this.#plan = plan;
  }

  get name(): string {
    return this.#plan.name;
  }
  get version(): string {
    return this.#plan.version;
  }
  get url(): string {
    return this.#plan.url;
  }
  get port(): number {
    return this.#plan.port;
  }
  get folder(): string {
    return this.#plan.folder;
  }

  /** @throws BackendError when it does not run. */
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined)
      throw new BackendError(`${this.name} on port ${this.port} does not run.`);
    return pid;
  }

  /** Launches the process and waits until it serves. */
  async start(signal?: AbortSignal): Promise<this> {
    signal?.throwIfAborted();
    const { command, args, env, user, folder, stopSignal } = this.#plan;
    const log = openSync(join(folder, 'server.log'), 'w');
    const child = spawn(command, args, {
      cwd: folder,
      detached: true,
      stdio: ['ignore', log, log],
      env: env ?? process.env,
      ...user,
    });
    closeSync(log);
    const { pid } = child;
    if (pid === undefined) {
      const [error] = await once(child, 'error');
      throw new BackendError(`${this.name} did not start: ${textOf(error)}.`, { cause: error });
    }
    remember(pid, [stopSignal, 'SIGKILL']);
    child.unref();
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
      forget(pid);
    });
    this.#child = child;
    try {
      await this.#serving(child, signal);
    } catch (error) {
      await this.kill();
      await this.#plan.cleanUp?.();
      throw error;
    }
    return this;
  }

  async #serving(child: ChildProcess, signal: AbortSignal | undefined): Promise<void> {
    const { name, port, ready, readyTimeoutMs } = this.#plan;
    const until = performance.now() + readyTimeoutMs;
    for (;;) {
      const ended = child.exitCode !== null || child.signalCode !== null;
      const log = await readFile(join(this.folder, 'server.log'), 'utf8');
      if (ended) {
        if (/address already in use|BindException/i.test(log)) {
          throw new AddressInUseError(
            `${name} did not start: port ${port} of 127.0.0.1 is in use. Stop what listens there, or choose another port.`,
          );
        }
        throw new BackendError(`${name} did not start: ${causeIn(log)}`);
      }
      if (ready.test(log)) return;
      if (performance.now() > until) {
        throw new BackendError(
          `${name} was not ready within ${readyTimeoutMs / 1000} s: ${causeIn(log)}`,
        );
      }
      await sleep(POLL_MS, undefined, signal ? { signal } : {});
    }
  }

  /** Ends it in order and deletes its folder. Calling it again does nothing. */
  async stop(): Promise<void> {
    await this.#end(this.#plan.stopSignal);
    await this.#plan.cleanUp?.();
    await removeFolder(this.folder);
  }

  /** SIGKILL to all its processes; the data stay for `restart()`. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void {
    signalTree(this.pid, 'SIGSTOP');
  }

  resume(): void {
    signalTree(this.pid, 'SIGCONT');
  }

  /** Starts it again on the same port and data, whether it runs, was killed or has crashed. */
  async restart(): Promise<void> {
    await this.#end(this.#plan.stopSignal);
    await this.start();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined) return;
    const exit = once(child, 'exit');
    child.ref();
    if (signal === 'SIGKILL') signalTree(child.pid, signal);
    else {
      child.kill(signal);
      signalTree(child.pid, 'SIGCONT'); // a stopped process sees no signal but SIGKILL
    }
    const timer = setTimeout(() => child.pid && signalTree(child.pid, 'SIGKILL'), STOP_GRACE_MS);
    await exit;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** The line of a server's log that tells best why it ended. */
function causeIn(log: string): string {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  const told = lines.find((line) => /fatal|error|exception|can't|could not/i.test(line));
  return told ?? lines.at(-1) ?? 'it wrote no log.';
}
