import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { env } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackendError, textOf } from './backend-error.ts';
import { runCommand } from './run-command.ts';
import { succeeds } from './succeeds.ts';

/** Gets lines for the screen. */
export type Log = (line: string) => void;

type Manager = 'apt-get' | 'dnf' | 'apk' | 'brew';

/** A program that a system package brings. */
export interface SystemProgram {
  /** For messages: `Redis`. */
  name: string;
  /** Where it may be, best first: names are looked for on PATH. */
  commands: readonly string[];
  /** Packages that bring it, best first: the first that the system has is installed. */
  packages: Record<Manager, readonly string[]>;
  /** The ways without it, as the end of "..., or ___.": `start Docker, or set REDIS_URL`. */
  otherwise: string;
  /** Whether a command found is one that will do. Default: every one. */
  accept?: (command: string) => Promise<boolean>;
}

// `env` sets them because sudo would drop them. The two last keep a package from starting its system service.
const QUIET = ['DEBIAN_FRONTEND=noninteractive', 'SYSTEMD_OFFLINE=1', 'RUNLEVEL=1'];
const LOCK_WAIT_S = 120;
const install: Record<Manager, string[]> = {
  'apt-get': [
    '-y',
    '-q',
    '--no-install-recommends',
    '-o',
    `DPkg::Lock::Timeout=${LOCK_WAIT_S}`,
    'install',
  ],
  dnf: ['-y', '-q', '--setopt=install_weak_deps=False', 'install'],
  apk: ['add', '--no-cache', '--quiet'],
  brew: ['install', '--quiet'],
};

/** The first of these commands that can be executed, as an absolute path. */
async function findCommand(commands: readonly string[]): Promise<string | undefined> {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const command of commands) {
    const places = command.includes('/')
      ? [command]
      : folders.map((folder) => join(folder, command));
    for (const path of places) {
      if (await succeeds(access(path, constants.X_OK))) return path;
    }
  }
  return undefined;
}

async function find(program: SystemProgram): Promise<string | undefined> {
  for (const command of program.commands) {
    const path = await findCommand([command]);
    if (path && (await (program.accept?.(path) ?? true))) return path;
  }
  return undefined;
}

let lastInstallation: Promise<unknown> = Promise.resolve();

/**
 * Path of the program, which is installed first by the system's package manager when it is missing and this
 * process may do that: as root, by sudo that asks for no password, or by brew. It is said on the screen before.
 *
 * @throws BackendError with the cause and what to do, when it is missing and cannot be installed.
 */
export async function requireProgram(
  program: SystemProgram,
  log: Log = console.error,
  signal?: AbortSignal,
): Promise<string> {
  const found = await find(program);
  if (found) return found;
  // One installation at a time, and the one before may have brought this one too.
  const turn = lastInstallation.then(
    async () => (await find(program)) ?? (await installProgram(program, log, signal)),
  );
  lastInstallation = turn.catch(() => {});
  return await turn;
}

async function installProgram(program: SystemProgram, log: Log, signal: AbortSignal | undefined) {
  const { name, packages, otherwise } = program;
  const manager = await findCommand(Object.keys(install));
  if (!manager) {
    throw new BackendError(
      `${name} is not installed, and there is no apt-get, dnf, apk or brew to install it. Install it, or ${otherwise}.`,
    );
  }
  const kind = manager.slice(manager.lastIndexOf('/') + 1) as Manager;
  const prefix = await rightToInstall(kind);
  if (!prefix) {
    throw new BackendError(
      `${name} is not installed, and this user may not install it. Run \`sudo ${kind} install ${packages[kind][0]}\`, or ${otherwise}.`,
    );
  }
  const run = async (args: string[]) => {
    const [command = manager, ...rest] = [...prefix, manager, ...args];
    // Only asked to end: a package manager that is killed leaves a broken package behind.
    await runCommand(command, rest, { name: kind, signal, endBy: ['SIGINT'] });
  };
  let failure: unknown;
  const tryAll = async (): Promise<boolean> => {
    for (const one of packages[kind]) {
      if (kind === 'apt-get' && !(await succeeds(runCommand('apt-cache', ['show', one])))) continue;
      log(`${name} is not installed: installing the package ${one} by ${kind}`);
      try {
        await run([...install[kind], one]);
        return true;
      } catch (error) {
        signal?.throwIfAborted();
        failure = error;
      }
    }
    return false;
  };
  // The lists of apt-get may be missing, or older than the archive.
  if (!(await tryAll()) && kind === 'apt-get') {
    log(`${name} is not installed: renewing the package lists by apt-get update`);
    failure = await renewLists(run, signal);
    await tryAll();
  }
  const path = await find(program);
  if (path) return path;
  throw new BackendError(
    `${name} could not be installed: ${failure ? textOf(failure) : 'its package manager has no such package'}. Install it, or ${otherwise}.`,
    { cause: failure },
  );
}

/** Unlike an installation, this does not wait by itself while another run does the same. Returns the failure. */
async function renewLists(run: (args: string[]) => Promise<void>, signal?: AbortSignal) {
  const until = performance.now() + LOCK_WAIT_S * 1_000;
  for (;;) {
    try {
      await run(['-q', 'update']);
      return undefined;
    } catch (error) {
      signal?.throwIfAborted();
      const isLocked = /Unable to lock/.test(textOf(error));
      // One archive of several may have failed: the others are renewed.
      if (!isLocked || performance.now() > until) return error;
    }
    await sleep(1_000);
  }
}

/** What to put before the package manager; undefined when this user may not use it. */
async function rightToInstall(kind: Manager): Promise<string[] | undefined> {
  if (kind === 'brew') return [];
  const variables = ['env', ...QUIET];
  if (process.getuid?.() === 0) return variables;
  const sudo = await findCommand(['sudo']);
  if (!sudo) return undefined;
  const allowed = await succeeds(runCommand(sudo, ['-n', 'true']));
  return allowed ? [sudo, '-n', ...variables] : undefined;
}
