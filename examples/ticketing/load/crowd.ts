/** The crowd: a process for each part of it, each at a gateway of its own. */
import { type ChildProcess, fork } from 'node:child_process';
import type { CrowdOrder, CrowdReport, Told } from './crowd-worker.ts';
import { pause } from './pause.ts';
import { socketsPerProcess } from './self-check.ts';

export const partsOf = (users: number) => Math.ceil(users / socketsPerProcess);
const nobody: CrowdReport = {
  isIn: false,
  connected: 0,
  failed: 0,
  lost: 0,
  opening: { count: 0, firstAt: 0, lastAt: 0 },
  changes: {},
  toldTwice: 0,
  messages: 0,
  pings: 0,
};

export class Crowd {
  readonly #workers: ChildProcess[];
  readonly #orders: CrowdOrder[];
  /** what each part has said last; it says something every second */
  readonly #reports: CrowdReport[];

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
    this.#reports = ports.map(() => nobody);
    const script = new URL('./crowd-worker.ts', import.meta.url).pathname;
    const execArgv = ['--conditions=@evenkeel/source', '--import', 'tsx'];
    this.#workers = ports.map((_, part) => {
      const worker = fork(script, [], { execArgv, detached: true });
      return worker.on('message', (report) => {
        this.#reports[part] = report as CrowdReport;
      });
    });
  }

  get pids(): [name: string, pid: number][] {
    return this.#workers.flatMap(({ pid }, part): [string, number][] =>
      pid === undefined ? [] : [[`crowd-${part + 1}`, pid]],
    );
  }

  /** As of a second ago. */
  get report(): CrowdReport {
    return sum(this.#reports);
  }

  /** Resolves when everybody has tried to come in. */
  async join(signal: AbortSignal): Promise<CrowdReport> {
    for (const [part, worker] of this.#workers.entries()) worker.send(this.#orders[part] as object);
    while (!this.report.isIn && !signal.aborted) {
      const dead = this.#workers.find(({ exitCode, signalCode }) => exitCode ?? signalCode);
      if (dead)
        throw new Error(`A part of the crowd ended with ${dead.exitCode ?? dead.signalCode}`);
      await pause(100, signal);
    }
    return this.report;
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

function sum(reports: readonly CrowdReport[]): CrowdReport {
  const add = (pick: (report: CrowdReport) => number) =>
    reports.reduce((all, one) => all + pick(one), 0);
  const numbers = new Set(reports.flatMap(({ changes }) => Object.keys(changes)));
  return {
    isIn: reports.every(({ isIn }) => isIn),
    connected: add(({ connected }) => connected),
    failed: add(({ failed }) => failed),
    lost: add(({ lost }) => lost),
    opening: together(reports.map(({ opening }) => opening)),
    changes: Object.fromEntries(
      [...numbers].map((seq) => [
        seq,
        together(reports.flatMap(({ changes }) => changes[Number(seq)] ?? [])),
      ]),
    ),
    toldTwice: add(({ toldTwice }) => toldTwice),
    messages: add(({ messages }) => messages),
    pings: add(({ pings }) => pings),
  };
}

function together(told: readonly Told[]): Told {
  const some = told.filter(({ count }) => count > 0);
  return {
    count: some.reduce((all, { count }) => all + count, 0),
    firstAt: some.length > 0 ? Math.min(...some.map(({ firstAt }) => firstAt)) : 0,
    lastAt: Math.max(0, ...some.map(({ lastAt }) => lastAt)),
  };
}
