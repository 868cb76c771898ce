import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { BackendError } from './backend-error.ts';

const run = promisify(execFile);

export type Log = (line: string) => void;

const commands = {
  redis: ['redis-server', 'valkey-server'],
  java: ['java'],
  maven: ['mvn'],
  chromium: ['chromium', 'chromium-browser', 'google-chrome'],
};

/** First of the names that is an executable on PATH, as an absolute path. */
export async function onPath(names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      if (folder === '') continue;
      const path = join(folder, name);
      if (
        await access(path, constants.X_OK).then(
          () => true,
          () => false,
        )
      )
        return path;
    }
  }
  return undefined;
}

export async function requireCommand(
  need: keyof typeof commands,
  _log?: Log,
  _signal?: AbortSignal,
): Promise<string> {
  const path = await onPath(commands[need]);
  if (path === undefined) throw new BackendError(`${commands[need].join(' or ')} is not on PATH.`);
  return path;
}

/** What a command writes, both streams together. */
export async function commandOutput(command: string, args: string[]): Promise<string> {
  const { stdout, stderr } = await run(command, args);
  return stdout + stderr;
}
