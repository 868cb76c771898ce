import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { BackendError, textOf } from './backend-error.ts';
import { forget, remember } from './reaper.ts';

export interface RunOptions {
  /** For messages. Default: the command's file name. */
  name?: string;
  signal?: AbortSignal | undefined;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  user?: { uid: number; gid: number } | undefined;
  /** What ends it when this process ends or `signal` fires. Default: SIGKILL at once. */
  endBy?: NodeJS.Signals[];
}

/**
 * Runs a command to its end and returns what it wrote, both streams together.
 *
 * @throws BackendError with the last line it wrote, when it fails.
 */
export async function runCommand(
  command: string,
  args: string[],
  options: RunOptions = {},
): Promise<string> {
  const { name = basename(command), signal, env, cwd, user, endBy = ['SIGKILL'] } = options;
  signal?.throwIfAborted();
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
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
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const abort = () => child.kill(endBy[0]);
  signal?.addEventListener('abort', abort, { once: true });
  const [status, endedBy] = await once(child, 'close');
  signal?.removeEventListener('abort', abort);
  forget(pid);
  signal?.throwIfAborted();
  if (status === 0) return output;
  const last = output.trim().split('\n').at(-1);
  throw new BackendError(`${name} failed (${status ?? endedBy}): ${last || 'it wrote nothing'}`, {
    cause: output,
  });
}
