import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** A signal for checks that are called without a Health around them. */
export const idleSignal = new AbortController().signal;

/**
 * The budget of 500 ms, and room for a machine that is busy with other tests. The exact time is proven with the clock
 * in hand (health.test.ts) and measured by bench/probe.bench.ts; without a budget there is no answer at all.
 */
export const ANSWERED_WITHIN_MS = 1_500;

/** Asks `condition` every 10 ms until it holds. */
export async function until(condition: () => boolean | Promise<boolean>, ms = 20_000) {
  const end = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A child process running a fixture, with its printed lines. */
export class Fixture {
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;

  constructor(file: string, options: object | string, env: Record<string, string> = {}) {
    const path = new URL(`./fixtures/${file}`, import.meta.url).pathname;
    const flags = ['--conditions=@evenkeel/source', '--import', 'tsx'];
    this.#child = spawn(
      process.execPath,
      [...flags, path, typeof options === 'string' ? options : JSON.stringify(options)],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...env },
      },
    );
    this.#collect(this.#child.stdout, this.lines);
    this.#collect(this.#child.stderr, this.errors);
    this.exited = once(this.#child, 'exit').then(([code]) => code as number | null);
  }

  /** The signal that ended it, if one did. */
  get signal(): NodeJS.Signals | null {
    return this.#child.signalCode;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The rest of the first line that begins with `word`. */
  async line(word: string): Promise<string> {
    const found = () => this.lines.find((line) => line.startsWith(`${word}`));
    const ended = this.exited.then(() => true);
    await until(async () => {
      if (found() !== undefined) return true;
      return Promise.race([ended, Promise.resolve(false)]);
    }, 20_000);
    const line = found();
    if (line === undefined) throw new Error(`no "${word}": ${this.errors.join('\n')}`);
    return line.slice(word.length + 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  #collect(stream: NodeJS.ReadableStream | null, into: string[]): void {
    if (stream !== null) createInterface({ input: stream }).on('line', (line) => into.push(line));
  }
}

/** A TCP proxy that carries everything `delayMs` late in both directions, as a longer way would; ends in order. */
export async function delayingProxy(targetPort: number, delayMs: number) {
  const sockets = new Set<Socket>();
  let refused = 0;
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
    far.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') refused++;
    });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      const later = (action: () => void) => setTimeout(action, delayMs);
      from.on('data', (chunk) => later(() => to.writable && to.write(chunk)));
      from.on('end', () => later(() => to.end()));
      from.on('error', () => later(() => to.resetAndDestroy()));
      from.on('close', () => sockets.delete(from));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    /** Connections that the target refused; a client of the proxy can only see them reset. */
    get refused() {
      return refused;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A TCP proxy that can fall silent, as a network does that drops every packet: no end, no reset, nothing arrives. */
export async function silencingProxy(targetPort: number) {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    const far = connect(targetPort, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (chunk) => to.write(chunk));
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from) && to.destroy());
      if (isCut) from.pause();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.pause();
    },
    heal() {
      isCut = false;
      for (const socket of sockets) socket.resume();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
