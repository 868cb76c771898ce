/** CPU and memory of processes, from /proc; on a system without it there are no figures. */
import { readFileSync } from 'node:fs';

/** in /proc, always 100 a second */
const ticksPerSecond = 100;

export type Usage = { cpuSeconds: number; memoryBytes: number };

/** undefined when the process is gone. `memoryBytes` is the resident set. */
export function usageOf(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // the name in parentheses may hold spaces
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { cpuSeconds: ticks / ticksPerSecond, memoryBytes: Number(fields[21]) * 4096 };
  } catch {
    return undefined;
  }
}

export type ProcessFigures = {
  phase: string;
  process: string;
  cpuSeconds: number;
  memoryMiB: number;
};

/** CPU by phase of whatever runs under a name, over restarts too, and its largest memory. */
export class ProcessMeter {
  readonly #pids: () => [name: string, pid: number][];
  readonly #before = new Map<number, number>();
  readonly #cells = new Map<string, ProcessFigures>();

  constructor(pids: () => [name: string, pid: number][]) {
    this.#pids = pids;
  }

  /** Once a second; what a process used since the last time belongs to `phase`. */
  sample(phase: string): void {
    for (const [process, pid] of this.#pids()) {
      const usage = usageOf(pid);
      if (!usage) continue;
      const key = `${phase}\n${process}`;
      const cell = this.#cells.get(key) ?? { phase, process, cpuSeconds: 0, memoryMiB: 0 };
      this.#cells.set(key, cell);
      cell.cpuSeconds += usage.cpuSeconds - (this.#before.get(pid) ?? usage.cpuSeconds);
      cell.memoryMiB = Math.max(cell.memoryMiB, Math.round(usage.memoryBytes / 2 ** 20));
      this.#before.set(pid, usage.cpuSeconds);
    }
  }

  get figures(): ProcessFigures[] {
    return [...this.#cells.values()].map((cell) => ({
      ...cell,
      cpuSeconds: Math.round(cell.cpuSeconds * 100) / 100,
    }));
  }
}
