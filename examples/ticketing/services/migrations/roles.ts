/**
 * One database role a service, with the rights that its queries need and no others: a stolen catalog
 * cannot read a password hash, a stolen gateway cannot write an order.
 */
import type { Pool } from 'pg';
import { transaction } from '../database.ts';

const read = 'select';
const every = 'select, insert, update, delete';
const holds = { 'all tables in schema soft_hold': every };

/** written and read, never changed */
const log = { audit_log: 'select, insert' };
const seats = { events: read, categories: read, seat_rows: read };
/** who reads from a replica writes on the primary what it looks for there */
const heartbeat = { evenkeel_heartbeat: 'select, insert, update' };
const jobTables = {
  job_outbox: every,
  job_idempotency: every,
  job_delayed: every,
  job_flows: every,
  job_schedules: every,
};

/** What each service may do with which table. Columns in brackets limit a right to them. */
const rights = {
  gateway: {
    ...holds,
    ...seats,
    orders: read,
    tickets: read,
    'payments (order_id, state)': read,
    withheld_seats: read,
    job_outbox: read,
    job_delayed: read,
  },
  auth: { users: 'select, insert, update', homes: 'select, insert', ...log },
  catalog: {
    events: 'select, insert, update',
    categories: 'select, insert, update',
    seat_rows: 'select, insert, update',
    ...log,
    ...heartbeat,
  },
  inventory: {
    ...holds,
    ...seats,
    ...heartbeat,
    'events (admit_per_second)': 'update',
    withheld_seats: 'select, insert, delete',
    ...log,
  },
  orders: {
    ...holds,
    ...seats,
    ...jobTables,
    ...log,
    job_inbox: 'select, delete',
    withheld_seats: read,
    orders: 'select, insert, update',
    'payments (order_id, state)': read,
    tickets: 'select, update',
    admissions: 'select, insert',
    scans: 'insert',
  },
  payments: {
    ...holds,
    ...seats,
    ...jobTables,
    job_inbox: 'select, insert, delete',
    orders: 'select, update',
    tickets: 'select, insert, update',
    payments: 'select, insert, update',
    psp_events: 'select, insert',
    admissions: read,
    ...log,
  },
  // whom a mail goes to, and not what they log in with
  notifications: { ...jobTables, events: read, orders: read, 'users (id, email, name)': read },
} satisfies Record<string, Record<string, string>>;

export type DatabaseRole = keyof typeof rights;
export const databaseRoles = Object.keys(rights) as DatabaseRole[];
export const isDatabaseRole = (name: string): name is DatabaseRole =>
  (databaseRoles as string[]).includes(name);
export const roleName = (namespace: string, service: string) => `${namespace}_${service}`;

/**
 * Creates what is missing and sets every role's rights anew, so that a right that was taken out of
 * the table above is gone. Roles of `passwords` may log in with them. Needs a database user that may
 * create roles.
 */
export async function setUpRoles(
  database: Pool,
  namespace: string,
  passwords: Partial<Record<DatabaseRole, string>>,
): Promise<void> {
  await transaction(database, async (tx) => {
    // roles belong to the whole server: two databases must not create one at the same moment
    await tx.query(`select pg_advisory_xact_lock(hashtext('evenkeel roles'))`);
    const { rows } = await tx.query<{ name: string }>('select current_database() as name');
    const quoted = (text: string) => tx.escapeIdentifier(text);
    const database = quoted(rows[0]?.name ?? '');
    for (const [service, tables] of Object.entries(rights)) {
      const name = roleName(namespace, service);
      const role = quoted(name);
      const known = await tx.query('select from pg_roles where rolname = $1', [name]);
      if (known.rowCount === 0) await tx.query(`create role ${role} nologin`);
      const password = passwords[service as DatabaseRole];
      // the statement takes no parameters
      if (password) {
        await tx.query(`alter role ${role} login password ${tx.escapeLiteral(password)}`);
      }
      for (const schema of ['public', 'soft_hold']) {
        await tx.query(`revoke all on all tables in schema ${schema} from ${role}`);
        await tx.query(`grant usage on schema ${schema} to ${role}`);
      }
      await tx.query(`grant connect on database ${database} to ${role}`);
      await tx.query(`grant select on migrations to ${role}`);
      for (const [table, may] of Object.entries(tables)) {
        const [, name, columns = ''] = /^([^(]+?)( \(.+\))?$/.exec(table) ?? [];
        await tx.query(`grant ${may}${columns} on ${name} to ${role}`);
      }
    }
  });
}
