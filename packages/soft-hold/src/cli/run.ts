import { HoldInputError, HoldUnavailableError, PoolNotOpenError } from '../errors.ts';
import { PostgresStore } from '../postgres-store.ts';
import type { PgPoolLike } from '../postgres-transaction.ts';
import type { RedisLike } from '../redis.ts';
import { migrationSql } from '../schema.ts';
import { HoldPool } from '../soft-hold.ts';
import type { Difference } from '../types.ts';
import { HELP, type PoolArguments, readArguments, UsageError } from './arguments.ts';
import { Progress } from './progress.ts';

type Clients = { redis: RedisLike | null; database: PgPoolLike; close(): Promise<void> };

/** Runs one command and answers the exit code; says everything on stdout and stderr. */
export async function run(argv: string[], env: NodeJS.ProcessEnv): Promise<number> {
  try {
    const args = readArguments(argv, env);
    if (args === null) {
      console.log(HELP);
      return 0;
    }
    if (args.command === 'migration') {
      console.log(migrationSql(args.schema));
      return 0;
    }
    return await withClients(args);
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${HELP}`);
      return 2;
    }
    console.error(textOf(error));
    if (error instanceof PoolNotOpenError) return 4;
    return error instanceof HoldInputError || error instanceof TypeError ? 2 : 3;
  }
}

async function withClients(args: PoolArguments): Promise<number> {
  const clients = await connect(args);
  const pool = new HoldPool({
    ...(clients.redis === null ? {} : { redis: clients.redis }),
    store: new PostgresStore(clients.database, { schema: args.schema }),
    pool: args.pool,
    maintainEveryMs: Infinity,
    commandTimeoutMs: 10_000,
  });
  try {
    return await COMMANDS[args.command](pool, args);
  } finally {
    await pool.close();
    await clients.close();
  }
}

const COMMANDS: Record<
  PoolArguments['command'],
  (pool: HoldPool, args: PoolArguments) => Promise<number>
> = {
  show: async (pool, { json }) => {
    const { seq, skus } = await pool.available();
    const { epoch, board } = pool.snapshot();
    if (json) print({ pool: pool.pool, epoch, board, seq, skus });
    else {
      console.log(
        `${pool.pool}: epoch ${epoch}, holds in ${board === 'redis' ? 'Redis' : 'PostgreSQL'}`,
      );
      console.table(skus);
    }
    return 0;
  },
  verify: async (pool, { json }) => {
    const progress = new Progress('verify', !json);
    const { ok, differences } = await pool
      .verify({ onProgress: progress.show })
      .finally(() => progress.end());
    if (json) print({ pool: pool.pool, ok, differences });
    else if (ok) console.log(`${pool.pool}: Redis and PostgreSQL agree`);
    else for (const difference of differences) console.log(lineOf(difference));
    return ok ? 0 : 1;
  },
  rebuild: async (pool, { json }) => {
    const progress = new Progress('rebuild', !json);
    await pool.rebuild({ onProgress: progress.show }).finally(() => progress.end());
    const { ok, differences } = await pool.verify();
    const { epoch } = pool.snapshot();
    if (json) print({ pool: pool.pool, epoch, ok, differences });
    else console.log(`${pool.pool}: filled again, epoch ${epoch}`);
    return ok ? 0 : 1;
  },
};

const print = (value: object) => console.log(JSON.stringify(value));
const lineOf = ({ what, found, expected }: Difference) =>
  `${what}: ${found ?? 'nothing'}, expected ${expected ?? 'nothing'}`;

/** The clients are the user's own packages; addresses are never shown, they carry passwords. */
async function connect({
  redis: redisUrl,
  database: databaseUrl,
}: PoolArguments): Promise<Clients> {
  const { default: pg } = await load<typeof import('pg')>('pg');
  const database = new pg.Pool({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 });
  // told by the call that needs it; of a client in use only the client itself tells
  database.on('error', () => {});
  database.on('connect', (client) => void client.on('error', () => {}));
  let redis: import('ioredis').Redis | null = null;
  if (redisUrl !== null) {
    const { Redis } = await load<typeof import('ioredis')>('ioredis');
    redis = new Redis(redisUrl, { maxRetriesPerRequest: 2, connectTimeout: 5_000 });
    redis.on('error', () => {});
  }
  return {
    redis,
    database,
    close: async () => {
      redis?.disconnect();
      await database.end();
    },
  };
}

async function load<T>(name: string): Promise<T> {
  try {
    return (await import(name)) as T;
  } catch (error) {
    throw new UsageError(
      `Expected ${name} to be installed beside @evenkeel/soft-hold: ${textOf(error)}`,
    );
  }
}

function textOf(error: unknown): string {
  const prefix = error instanceof HoldUnavailableError ? `${error.system}: ` : '';
  return `${prefix}${error instanceof Error ? error.message : String(error)}`;
}
