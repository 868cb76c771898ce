/** The crowd: a process for each part of it, each at a gateway of its own. */
import { type ChildProcess, fork } from 'node:child_process';
import { type CrowdOrder, type CrowdReport, nobody, type Told, tally } from './crowd-report.ts';
import { until } from './pause.ts';
import { socketsPerProcess } from './self-check.ts';

export const partsOf = (users: number) => Math.ceil(users / socketsPerProcess);

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
      perSecond: perSecond / ports.length,
    }));
    this.#reports = ports.map(nobody);
    const script = new URL('./crowd-worker.ts', import.meta.url).pathname;
    // as in a gateway, nothing is gained by looking for garbage while they wait
    const execArgv = ['--no-memory-reducer', '--conditions=@evenkeel/source', '--import', 'tsx'];
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

  /** Resolves when everybody has a token of their own. */
  async prepare(signal: AbortSignal): Promise<void> {
    for (const [part, worker] of this.#workers.entries()) worker.send(this.#orders[part] as object);
    await this.#until('isReady', signal);
  }

  /** Resolves when everybody has tried to come in, who have been prepared before. */
  async join(signal: AbortSignal): Promise<CrowdReport> {
    for (const worker of this.#workers) worker.send('come');
    await this.#until('isIn', signal);
    return this.report;
  }

  async #until(state: 'isReady' | 'isIn', signal: AbortSignal): Promise<void> {
    const isSo = () => {
      const dead = this.#workers.find(({ exitCode, signalCode }) => exitCode ?? signalCode);
      if (dead)
        throw new Error(`A part of the crowd ended with ${dead.exitCode ?? dead.signalCode}`);
      return this.report[state];
    };
    await until(isSo, { everyMs: 100, forMs: Number.POSITIVE_INFINITY, signal });
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

const counted = [
  ...(['connected', 'authorized', 'lost'] as const),
  ...(['toldTwice', 'messages', 'pings'] as const),
];

function sum(reports: readonly CrowdReport[]): CrowdReport {
  const all = nobody();
  all.isReady = reports.every(({ isReady }) => isReady);
  all.isIn = reports.every(({ isIn }) => isIn);
  for (const name of counted) all[name] = reports.reduce((sum, one) => sum + one[name], 0);
  for (const { failures, refusals } of reports) {
    for (const [why, count] of Object.entries(failures)) tally(all.failures, why, count);
    for (const [what, count] of Object.entries(refusals)) tally(all.refusals, what, count);
  }
  all.opening = together(reports.map(({ opening }) => opening));
  for (const seq of new Set(reports.flatMap(({ changes }) => Object.keys(changes).map(Number)))) {
    all.changes[seq] = together(reports.flatMap(({ changes }) => changes[seq] ?? []));
  }
  return all;
}

function together(told: readonly Told[]): Told {
  const some = told.filter(({ count }) => count > 0);
  return {
    count: some.reduce((all, { count }) => all + count, 0),
    firstAt: some.length > 0 ? Math.min(...some.map(({ firstAt }) => firstAt)) : 0,
    lastAt: Math.max(0, ...some.map(({ lastAt }) => lastAt)),
  };
}
