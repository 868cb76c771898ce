import { chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onPort } from './free-port.ts';
import { NativeServer } from './native-server.ts';
import { postgresBinaries } from './postgres-binaries.ts';
import { removeFolder, temporaryFolder } from './reaper.ts';
import { runCommand } from './run-command.ts';
import { type Log, requireProgram, type SystemProgram } from './system-package.ts';

const READY_TIMEOUT_MS = 20_000;

const program: SystemProgram = {
  name: 'PgBouncer',
  commands: ['pgbouncer', '/usr/sbin/pgbouncer'],
  packages: {
    'apt-get': ['pgbouncer'],
    dnf: ['pgbouncer'],
    apk: ['pgbouncer'],
    brew: ['pgbouncer'],
  },
  otherwise: 'leave out the tests of the read/write router',
};

export interface PgBouncerOptions {
  /** Names that clients ask for, and where they lead: `postgres://user:password@host:port/database`. */
  databases: Record<string, string>;
  /** More of its [pgbouncer] section. */
  settings?: Record<string, string>;
  signal?: AbortSignal;
  log?: Log;
}

/** Starts a PgBouncer of one's own on 127.0.0.1, in transaction mode. It lets everybody in, as the database's user. */
export async function startPgBouncer(options: PgBouncerOptions): Promise<NativeServer> {
  const { databases, settings = {}, signal, log } = options;
  const command = await requireProgram(program, log, signal);
  const told = await runCommand(command, ['--version']);
  const version = /\d+(\.\d+)+/.exec(told)?.[0] ?? 'of unknown version';
  const { user } = await postgresBinaries(); // like PostgreSQL it refuses to run as root
  return await onPort(undefined, async (port) => {
    const folder = await temporaryFolder('pgbouncer');
    if (user) await chown(folder, user.uid, user.gid);
    const file = join(folder, 'pgbouncer.ini');
    const lines = Object.entries({
      listen_addr: '127.0.0.1',
      listen_port: String(port),
      unix_socket_dir: '',
      auth_type: 'any',
      pool_mode: 'transaction',
      ignore_startup_parameters: 'extra_float_digits',
      server_login_retry: '1',
      ...settings,
    }).map(([key, value]) => `${key} = ${value}`);
    const targets = Object.entries(databases).map(([name, url]) => `${name} = ${target(url)}`);
    await writeFile(file, ['[databases]', ...targets, '[pgbouncer]', ...lines, ''].join('\n'));
    const server = new NativeServer({
      name: 'PgBouncer',
      version,
      url: `postgres://anybody@127.0.0.1:${port}`,
      port,
      folder,
      command,
      args: [file],
      user,
      ready: /process up/,
      readyTimeoutMs: READY_TIMEOUT_MS,
      stopSignal: 'SIGTERM',
    });
    try {
      return await server.start(signal);
    } catch (error) {
      await removeFolder(folder);
      throw error;
    }
  });
}

function target(url: string): string {
  const { hostname, port, username, password, pathname } = new URL(url);
  const parts = { host: hostname, port, dbname: pathname.slice(1), user: username, password };
  return Object.entries(parts)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}
