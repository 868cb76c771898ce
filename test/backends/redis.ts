import { onPort } from './free-port.ts';
import { NativeServer } from './native-server.ts';
import { removeFolder, temporaryFolder } from './reaper.ts';
import { runCommand } from './run-command.ts';
import { type Log, requireProgram, type SystemProgram } from './system-package.ts';

const READY_TIMEOUT_MS = 20_000;

const program: SystemProgram = {
  name: 'Redis',
  commands: ['redis-server', 'valkey-server'],
  packages: {
    'apt-get': ['redis-server', 'valkey-server'],
    dnf: ['valkey', 'redis'],
    apk: ['redis', 'valkey'],
    brew: ['redis', 'valkey'],
  },
  otherwise: 'start Docker, or set REDIS_URL',
};

export interface RedisOptions {
  /** Makes it a replica of this one; returns when the first copy has arrived. */
  replicaOf?: { readonly port: number };
  /** More of redis.conf as arguments, for instance `['--appendonly', 'yes']`. */
  args?: string[];
  /** Default: a free one. */
  port?: number;
  signal?: AbortSignal;
  log?: Log;
}

/** Starts a Redis of one's own on 127.0.0.1. It keeps nothing on disk unless `args` say so. */
export async function startRedis(options: RedisOptions = {}): Promise<NativeServer> {
  const { replicaOf, args = [], signal, log } = options;
  const command = await requireProgram(program, log, signal);
  const version =
    /v=(\S+)/.exec(await runCommand(command, ['--version']))?.[1] ?? 'of unknown version';
  return await onPort(options.port, async (port) => {
    const folder = await temporaryFolder('redis');
    const own = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder];
    const memoryOnly = ['--save', '', '--appendonly', 'no', '--repl-diskless-sync-delay', '0'];
    const replica = replicaOf ? ['--replicaof', `127.0.0.1 ${replicaOf.port}`] : [];
    const server = new NativeServer({
      name: /valkey/i.test(command) ? 'Valkey' : 'Redis',
      version,
      url: `redis://127.0.0.1:${port}`,
      port,
      folder,
      command,
      args: [...own, ...memoryOnly, ...replica, ...args],
      ready: replicaOf ? /sync: Finished with success/ : /Ready to accept connections/,
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
