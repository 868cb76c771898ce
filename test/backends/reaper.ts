import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/**
 * The one way everything is cleaned up when this process ends without `stop()`: Ctrl-C, SIGTERM, SIGHUP, an
 * uncaught exception, `process.exit` and even `kill -9` all close the pipe to a small process of its own
 * session, which then ends the servers and deletes their folders. So there is no signal handler here that
 * could fight with the program's own.
 */
let pipe: Writable | undefined;

function tell(message: object): void {
  pipe ??= startReaper();
  pipe.write(`${JSON.stringify(message)}\n`);
}

function startReaper(): Writable {
  const script = fileURLToPath(new URL('./reaper-process.mjs', import.meta.url));
  const child = spawn(process.execPath, [script], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env.PATH },
  });
  child.unref();
  child.stdin.on('error', () => {}); // the reaper was killed: `stop()` still cleans up
  (child.stdin as Writable & { unref(): void }).unref();
  return child.stdin;
}

/** Has the process group of `pid` ended by these signals, in turn, when this process ends before `forget`. */
export function remember(pid: number, signals: NodeJS.Signals[]): void {
  tell({ add: pid, signals });
}

/** The process of this id has ended: its id may belong to somebody else now. */
export function forget(pid: number): void {
  tell({ remove: pid });
}

/** A new folder in the temporary folder that does not outlive this process. */
export async function temporaryFolder(prefix: string, parent = tmpdir()): Promise<string> {
  const folder = await mkdtemp(join(parent, `evenkeel-${prefix}-`));
  untilRemoved(folder);
  return folder;
}

/** This folder is ours: it goes with this process unless `removeFolder` was called before. */
export function untilRemoved(folder: string): void {
  tell({ addFolder: folder });
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  tell({ removeFolder: folder });
}
