/**
 * Runs services from the environment alone, as a container does:
 *
 *   main.ts gateway            one service in this process
 *   main.ts auth catalog       some of them
 *   main.ts all                all of them, and stand-ins for what is outside
 *   main.ts migrate            brings the database and its roles up to date and ends
 *   main.ts keys               prints a fresh set of secrets and ends
 *
 * SIGTERM or SIGINT ends it: readiness goes first, then the jobs at hand, then the connections.
 */
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { ConfigError, loadMigrationConfig, type ServiceName, serviceNames } from './config.ts';
import { openDatabase } from './database.ts';
import { migrate } from './migrations/migrate.ts';
import { setUpRoles } from './migrations/roles.ts';
import { runServices } from './process.ts';
import { generateTicketKeys } from './tickets/ticket-code.ts';
import { traceIds } from './tracing.ts';

/** EX_CONFIG of sysexits.h: a supervisor sees that starting again changes nothing. */
const badConfigCode = 78;

const log = pino({ level: process.env.LOG_LEVEL || 'info', base: null, mixin: traceIds });

function printKeys(): void {
  const { privateKey, publicKey } = generateTicketKeys();
  console.log(`ACCESS_TOKEN_SECRET=${randomBytes(32).toString('base64url')}`);
  console.log(`PSP_WEBHOOK_SECRET=${randomBytes(32).toString('base64url')}`);
  console.log(`TICKET_PRIVATE_KEY=${privateKey}`);
  console.log(`TICKET_PUBLIC_KEY=${publicKey}`);
}

/** As the owner of the database, before services that have only their own rights start. */
async function migrateAndEnd(): Promise<void> {
  const config = loadMigrationConfig(process.env);
  const database = openDatabase({
    url: config.DATABASE_URL,
    connections: 2,
    service: 'migrate',
    onError: (error) => log.warn({ err: error }, 'idle database connection failed'),
  });
  try {
    const applied = await migrate(database);
    log.info({ applied }, 'the database is up to date');
    await setUpRoles(database, config.NAMESPACE, config.DATABASE_LOGINS ?? {});
    log.info('every service has its database role');
  } finally {
    await database.end();
  }
}

/** A launcher that dies without a word closes the channel to us: then we end as well. */
let end = async (_reason: string): Promise<{ exitCode: number }> => ({ exitCode: 1 });
process.once('disconnect', async () => process.exit((await end('the launcher is gone')).exitCode));

async function run(args: readonly string[]): Promise<void> {
  const [command = ''] = args;
  if (command === 'keys') return printKeys();
  if (command === 'migrate') return migrateAndEnd();
  const names = command === 'all' ? serviceNames : args;
  const unknown = names.find((name) => !(serviceNames as readonly string[]).includes(name));
  if (names.length === 0 || unknown !== undefined) {
    const known = [...serviceNames, 'all', 'migrate', 'keys'].join(' | ');
    throw new ConfigError('main.ts', [`expected ${known}, got "${unknown ?? ''}"`]);
  }
  ({ end } = await runServices(names as ServiceName[], process.env, log));
}

run(process.argv.slice(2)).catch((error) => {
  if (error instanceof ConfigError) console.error(error.message);
  else log.fatal({ err: error }, `cannot start: ${(error as Error).message}`);
  process.exit(error instanceof ConfigError ? badConfigCode : 1);
});
