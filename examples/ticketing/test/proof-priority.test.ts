import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { expect, test } from 'vitest';
import { giveWay } from '../load/priority.ts';

test('a session of its own gives way as a process and, where the kernel has autogroups, as a session', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1_000)'], { detached: true });
  try {
    await once(child, 'spawn');
    const { pid } = child as { pid: number };
    await giveWay(pid);
    expect(getPriority(pid)).toBe(8);
    const autogroup = `/proc/${pid}/autogroup`;
    if (existsSync(autogroup)) expect(readFileSync(autogroup, 'utf8')).toContain('nice 8');
  } finally {
    child.kill();
  }
});
