/** Accounts in bulk: rows as a registration writes them, and tokens as a log-in gives them. */
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { Role } from '../contract.ts';
import { AccessTokens } from '../services/auth/access-token.ts';
import { Passwords } from '../services/auth/passwords.ts';

const password = 'everybody has the same one';
/** With what somebody logs in. */
export const logInOf = (id: string) => ({ email: `${id}@example.com`, password });
const rowsAtOnce = 5_000;

export class People {
  readonly #database: Pool;
  readonly #tokens: AccessTokens;
  #hash: Promise<string> | undefined;

  constructor(options: { database: Pool; secret: string }) {
    this.#database = options.database;
    this.#tokens = new AccessTokens({ secret: options.secret, ttlMs: 3_600_000 });
  }

  /** Their ids. */
  async add(count: number, role: Role = 'buyer'): Promise<string[]> {
    this.#hash ??= new Passwords({ costLog2: 4, passes: 1 }).hash(password);
    const hash = await this.#hash;
    const ids: string[] = [];
    for (let done = 0; done < count; done += rowsAtOnce) {
      const some = Array.from({ length: Math.min(rowsAtOnce, count - done) }, () => randomUUID());
      await this.#database.query(
        `insert into users (id, email, name, role, region, password_hash)
         select id, id || '@example.com', 'Crowd Member', $2, 'eu', $3 from unnest($1::uuid[]) as id`,
        [some, role, hash],
      );
      ids.push(...some);
    }
    return ids;
  }

  async token(id: string, role: Role = 'buyer'): Promise<string> {
    return (await this.#tokens.issue({ id, role, region: 'eu' })).accessToken;
  }
}
