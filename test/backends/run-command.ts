import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { BackendError, textOf } from './backend-error.ts';
import { forget, remember } from './reaper.ts';

export interface RunOptions {
  /** For messages. Default: the command's file name. */
  name?: string;
  /** Ends the command; it rejects with the signal's reason when the command has ended. */
  signal?: AbortSignal | undefined;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  user?: { uid: number; gid: number } | undefined;
  /** What ends it when this process ends or `signal` fires, in turn. Default: SIGKILL. */
  endBy?: NodeJS.Signals[];
}

/**
 * Runs a command to its end and returns what it wrote, both streams together.
 *
 * @throws BackendError with the last line it wrote when it fails, and all of it as `cause`.
 */
export async function runCommand(
  command: string,
  args: string[],
  options: RunOptions = {},
): Promise<string> {
  const { name = basename(command), signal, env, cwd, user, endBy = ['SIGKILL'] } = options;
  signal?.throwIfAborted();
  const output = openOutput();
  try {
    const child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', output, output],
      env: env ?? process.env,
      ...(cwd === undefined ? {} : { cwd }),
      ...user,
    });
    const { pid } = child;
    if (pid === undefined) {
      const [error] = await once(child, 'error');
      throw new BackendError(`${name} cannot be run: ${textOf(error)}.`, { cause: error });
    }
    remember(pid, endBy);
    const abort = () => child.kill(endBy[0]);
    signal?.addEventListener('abort', abort, { once: true });
    const [status, endedBy] = await once(child, 'exit');
    signal?.removeEventListener('abort', abort);
    forget(pid);
    signal?.throwIfAborted();
    const text = textIn(output);
    if (status === 0) return text;
    const last = text.trim().split('\n').at(-1) || 'it wrote nothing';
    throw new BackendError(`${name} failed (${status ?? endedBy}): ${last}`, { cause: text });
  } finally {
    closeSync(output);
  }
}

/** A file without a name: a pipe would break under a command that outlives this process for a moment. */
function openOutput(): number {
  const path = join(tmpdir(), `evenkeel-${randomUUID()}`);
  const file = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  return file;
}

function textIn(file: number): string {
  const buffer = Buffer.alloc(fstatSync(file).size);
  return buffer.toString('utf8', 0, readSync(file, buffer, 0, buffer.length, 0));
}
