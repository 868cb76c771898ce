import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { User } from '../../contract.ts';
import { Prepared } from '../database.ts';

const columns = 'id, email, name, role, region';

/** The new user, or undefined when the address has an account already. */
export async function addUser(
  database: Pool,
  user: Omit<User, 'id'> & { passwordHash: string },
): Promise<User | undefined> {
  const { rows } = await database.query<User>(
    `insert into users (${columns}, password_hash) values ($1, $2, $3, $4, $5, $6)
     on conflict (lower(email)) do nothing returning ${columns}`,
    [randomUUID(), user.email, user.name, user.role, user.region, user.passwordHash],
  );
  return rows[0];
}

const selectUser = new Prepared(
  'select-user',
  `select ${columns}, password_hash from users where lower(email) = lower($1)`,
);

export async function findUser(
  database: Pool,
  email: string,
): Promise<{ user: User; passwordHash: string } | undefined> {
  const { rows } = await database.query<User & { password_hash: string }>(selectUser, [email]);
  if (!rows[0]) return undefined;
  const { password_hash: passwordHash, ...user } = rows[0];
  return { user, passwordHash };
}
