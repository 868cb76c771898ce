/** CPU and memory of processes, from /proc; on a system without it there are no figures. */
import { readFileSync } from 'node:fs';

/** in /proc, always 100 a second */
const ticksPerSecond = 100;

export type Usage = { cpuSeconds: number; memoryBytes: number };

/** undefined when the process is gone. `memoryBytes` is the resident set; `withEnded` adds the CPU of children that have ended. */
export function usageOf(pid: number, withEnded = false): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // the name in parentheses may hold spaces
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [user, system, ofEndedUser, ofEndedSystem] = fields.slice(11, 15).map(Number) as [
      number,
      number,
      number,
      number,
    ];
    const ticks = user + system + (withEnded ? ofEndedUser + ofEndedSystem : 0);
    return { cpuSeconds: ticks / ticksPerSecond, memoryBytes: Number(fields[21]) * 4096 };
  } catch {
    return undefined;
  }
}

/**
 * A server that works in child processes, as PostgreSQL does, is the sum of them and of those that have
 * ended. Memory is the largest one's: they share most of it.
 */
function usageOfTree(pid: number): Usage | undefined {
  const own = usageOf(pid, true);
  if (!own) return undefined;
  for (const child of childrenOf(pid)) {
    const usage = usageOf(child);
    own.cpuSeconds += usage?.cpuSeconds ?? 0;
    own.memoryBytes = Math.max(own.memoryBytes, usage?.memoryBytes ?? 0);
  }
  return own;
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
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
  readonly #sources: (() => [name: string, pid: number][])[];
  readonly #before = new Map<number, number>();
  readonly #cells = new Map<string, ProcessFigures>();

  constructor(pids: () => [name: string, pid: number][]) {
    this.#sources = [pids];
  }

  /** More processes of the run. */
  add(pids: () => [name: string, pid: number][]): void {
    this.#sources.push(pids);
  }

  /** Once a second; what a process used since the last time belongs to `phase`. */
  sample(phase: string): void {
    for (const [process, pid] of this.#sources.flatMap((pids) => pids())) {
      // the driver's children are the shop, which has figures of its own
      const usage = process === 'PostgreSQL' ? usageOfTree(pid) : usageOf(pid);
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
