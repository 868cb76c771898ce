import { parseArgs } from 'node:util';

export const HELP = `evenkeel-hold: looks after the pools of @evenkeel/soft-hold

  evenkeel-hold show <pool>      units by SKU, epoch, and where the holds are kept
  evenkeel-hold verify <pool>    compares Redis with PostgreSQL, and names what differs
  evenkeel-hold rebuild <pool>   fills Redis again from PostgreSQL, under a new epoch
  evenkeel-hold migration        prints the tables as SQL, for migrations of your own

  --redis URL      default $REDIS_URL; --no-redis for a pool that is kept in PostgreSQL alone
  --database URL   default $DATABASE_URL
  --schema NAME    default soft_hold
  --json           one JSON document on stdout, no progress
  --help           this text

Exit codes: 0 all is well, 1 something differs, 2 wrong usage, 3 Redis or PostgreSQL does not answer,
4 there is no such pool.
`;

export type PoolArguments = {
  command: 'show' | 'verify' | 'rebuild';
  pool: string;
  redis: string | null;
  database: string;
  schema: string;
  json: boolean;
};

export type Arguments = PoolArguments | { command: 'migration'; schema: string };

/** What to say to somebody who typed something else. */
export class UsageError extends Error {}

/** @throws UsageError naming what is wrong; null means that help was asked for */
export function readArguments(argv: string[], env: NodeJS.ProcessEnv): Arguments | null {
  const parsed = parse(argv);
  const { values, positionals } = parsed;
  if (values.help) return null;
  const { schema = 'soft_hold', json = false } = values;
  const [command, pool, ...rest] = positionals;
  if (command === 'migration' && pool === undefined) return { command, schema };
  if (command !== 'show' && command !== 'verify' && command !== 'rebuild')
    throw new UsageError(
      `Expected show, verify, rebuild or migration alone, got ${command ?? 'nothing'}`,
    );
  if (pool === undefined || rest.length > 0)
    throw new UsageError(`Expected the name of one pool, got ${positionals.length - 1}`);
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(pool))
    throw new UsageError('Expected the pool to be 1 to 64 of A-Z a-z 0-9 . _ -');
  const database = values.database ?? env.DATABASE_URL;
  if (!database) throw new UsageError('Expected --database or $DATABASE_URL');
  const redis = values['no-redis'] ? null : (values.redis ?? env.REDIS_URL);
  if (redis === undefined || redis === '')
    throw new UsageError('Expected --redis, $REDIS_URL or --no-redis');
  return { command, pool, redis, database, schema, json };
}

function parse(argv: string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        ...{ redis: text, database: text, schema: text },
        ...{ 'no-redis': flag, json: flag, help: { ...flag, short: 'h' } },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
