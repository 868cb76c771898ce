import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { User } from '../../contract.ts';

type UserRow = User & { password_hash: string };

/** The new user, or undefined when the address has an account already. */
export async function insertUser(
  database: Pool,
  { email, name, passwordHash }: { email: string; name: string; passwordHash: string },
): Promise<User | undefined> {
  const { rows } = await database.query<User>(
    `insert into users (id, email, name, password_hash) values ($1, $2, $3, $4)
     on conflict (lower(email)) do nothing returning id, email, name`,
    [randomUUID(), email, name, passwordHash],
  );
  return rows[0];
}

export async function findUser(
  database: Pool,
  email: string,
): Promise<{ user: User; passwordHash: string } | undefined> {
  const { rows } = await database.query<UserRow>(
    'select id, email, name, password_hash from users where lower(email) = lower($1)',
    [email],
  );
  const row = rows[0];
  if (!row) return undefined;
  return {
    user: { id: row.id, email: row.email, name: row.name },
    passwordHash: row.password_hash,
  };
}
