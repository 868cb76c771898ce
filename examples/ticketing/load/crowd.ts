/** The crowd: a process for each part of it, each at a gateway of its own. */
import { type ChildProcess, fork } from 'node:child_process';
import type { CrowdOrder, CrowdReport } from './crowd-worker.ts';
import { socketsPerProcess } from './self-check.ts';

export const partsOf = (users: number) => Math.ceil(users / socketsPerProcess);
const reportWithinMs = 10_000;

export class Crowd {
  readonly #workers: ChildProcess[];
  readonly #orders: CrowdOrder[];

  /** `ports`: the gateways', one for each part. */
  constructor(
    users: number,
    ports: readonly number[],
    shared: Pick<CrowdOrder, 'event' | 'secret'> & { perSecond: number },
  ) {
    const { perSecond, ...rest } = shared;
    this.#orders = ports.map((port, part) => ({
      ...rest,
      port,
      users: Math.floor(users / ports.length) + (part < users % ports.length ? 1 : 0),
      localAddress: `127.0.0.${part + 2}`,
      width: 64,
      perSecond: perSecond / ports.length,
    }));
    const script = new URL('./crowd-worker.ts', import.meta.url).pathname;
    const execArgv = ['--conditions=@evenkeel/source', '--import', 'tsx'];
    this.#workers = ports.map(() => fork(script, [], { execArgv, detached: true }));
  }

  get pids(): [name: string, pid: number][] {
    return this.#workers.flatMap(({ pid }, part): [string, number][] =>
      pid === undefined ? [] : [[`crowd-${part + 1}`, pid]],
    );
  }

  /** Resolves when everybody has tried to come in. */
  async join(signal: AbortSignal): Promise<CrowdReport> {
    const joined = this.#workers.map((worker, part) => {
      const done = answerOf(worker, signal);
      worker.send(this.#orders[part] as CrowdOrder);
      return done;
    });
    return sum(await Promise.all(joined));
  }

  async report(): Promise<CrowdReport> {
    const signal = AbortSignal.timeout(reportWithinMs);
    return sum(
      await Promise.all(
        this.#workers.map((worker) => {
          const done = answerOf(worker, signal);
          worker.send('report');
          return done;
        }),
      ),
    );
  }

  async end(): Promise<void> {
    await Promise.all(
      this.#workers.map(
        (worker) =>
          new Promise<void>((resolve) => {
            if (worker.exitCode !== null || worker.signalCode !== null) return resolve();
            worker.once('exit', () => resolve());
            setTimeout(() => worker.kill('SIGKILL'), 10_000).unref();
            if (worker.connected) worker.send('end');
          }),
      ),
    );
  }
}

function answerOf(worker: ChildProcess, signal: AbortSignal): Promise<CrowdReport> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    worker.once('message', (report) => resolve(report as CrowdReport));
    worker.once('exit', (code) => reject(new Error(`A part of the crowd ended with ${code}`)));
  });
}

function sum(reports: CrowdReport[]): CrowdReport {
  const add = (pick: (report: CrowdReport) => number) =>
    reports.reduce((all, one) => all + pick(one), 0);
  const opened = reports.filter(({ firstOpenAt }) => firstOpenAt > 0);
  return {
    connected: add(({ connected }) => connected),
    failed: add(({ failed }) => failed),
    lost: add(({ lost }) => lost),
    toldOpen: add(({ toldOpen }) => toldOpen),
    firstOpenAt: opened.length > 0 ? Math.min(...opened.map(({ firstOpenAt }) => firstOpenAt)) : 0,
    lastOpenAt: Math.max(0, ...reports.map(({ lastOpenAt }) => lastOpenAt)),
    toldTwice: add(({ toldTwice }) => toldTwice),
    messages: add(({ messages }) => messages),
    pings: add(({ pings }) => pings),
  };
}
