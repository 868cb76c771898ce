/**
 * Which process goes first when there are more than processors: who waits for an answer before who is told something.
 */
import { writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * 0 is as usual, 19 gives way to everybody. Gateways and crowd have the same: a crowd below its gateways would hear late of what
 * they go on telling others.
 */
const nice = 8;

/**
 * Makes a process that leads a session give way to others. A Linux with autogroups (`man 7 sched`; most distributions have
 * them on) shares the processor among sessions first, where the nice value of a process counts for nothing and
 * that of its session for all: both are set.
 */
export async function giveWay(pid: number): Promise<void> {
  setPriority(pid, nice);
  for (;;) {
    const refusal = await writeFile(`/proc/${pid}/autogroup`, String(nice)).then(
      () => undefined,
      ({ code }: NodeJS.ErrnoException) => code,
    );
    // who is not root may set one each 100 ms, of all on the machine; any other refusal says that there are none
    if (refusal !== 'EAGAIN') return;
    await sleep(100 + Math.random() * 100);
  }
}
