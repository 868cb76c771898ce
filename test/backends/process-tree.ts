import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Every process of this machine with its parent, from /proc, or from `ps` where there is none. */
function parents(): Map<number, number> {
  const result = new Map<number, number>();
  if (process.platform !== 'linux') {
    for (const line of execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).split(
      '\n',
    )) {
      const [pid, parent] = line.trim().split(/\s+/).map(Number);
      if (pid !== undefined && parent !== undefined) result.set(pid, parent);
    }
    return result;
  }
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      // "pid (name) state ppid ...", and the name may hold spaces and brackets
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
      result.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // it has ended between the two reads
    }
  }
  return result;
}

function descendants(root: number): number[] {
  const all = [...parents()];
  const found = [root];
  for (const ancestor of found) {
    for (const [pid, parent] of all) if (parent === ancestor) found.push(pid);
  }
  return found.slice(1);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it has ended
  }
}

/**
 * Signals a process and everything below it. PostgreSQL's workers are in sessions of their own, so a signal to
 * the group does not reach them. The root is stopped while the list is made: it cannot start more of them.
 */
export function signalTree(root: number, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
  if (signal === 'SIGKILL') send(root, 'SIGSTOP');
  if (signal === 'SIGSTOP') send(root, signal);
  for (const pid of descendants(root)) send(pid, signal);
  send(root, signal);
}
