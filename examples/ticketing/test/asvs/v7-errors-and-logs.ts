import { describe, expect, it } from 'vitest';
import { paths } from '../../addresses.ts';
import { bearer, call, newAccount, type Target } from './call.ts';

export function errorsAndLogs(shop: Target): void {
  describe('ASVS V7, errors and logs', () => {
    it('7.4.1 an error shows neither stack nor path nor query, whatever went wrong', async () => {
      const { database } = shop();
      await database.query('alter table categories rename to categories_away');
      try {
        const answer = await call(shop(), 'GET', '/api/events/not-cached');
        expect(answer.status).toBe(503);
        expect(answer.problem).toEqual({
          code: 'unavailable',
          message: 'Something went wrong on our side. Please try again in a moment.',
          retryAfterMs: 1_000,
        });
      } finally {
        await database.query('alter table categories_away rename to categories');
      }
    });

    it('7.1.1, 7.1.2 nothing that a person has typed or been given is in the logs', async () => {
      const password = 'a password to look for';
      const { email, cookie, session } = await newAccount(shop(), password);
      await call(shop(), 'POST', paths.session, { email, password: `${password} wrong` });
      await call(shop(), 'POST', paths.session, `{"email": "${email}", "password": `);
      await call(shop(), 'GET', paths.order('x'), undefined, bearer(session.accessToken));
      const log = shop().log.join('\n');
      const [, secret = 'none'] = cookie.split('.').slice(-2);
      for (const private_ of [password, email, session.accessToken, secret]) {
        expect(log).not.toContain(private_);
      }
    });

    it('7.2.1 a stolen session that was found out is in the audit log', async () => {
      const { cookie, session } = await newAccount(shop());
      const use = async (used: string) => {
        const answer = await call(shop(), 'POST', paths.refresh, undefined, { cookie: used });
        return (answer.headers.getSetCookie()[0] ?? '').split(';')[0] ?? '';
      };
      await use(await use(cookie));
      await use(cookie);
      const { rows } = await shop().database.query(
        "select action from audit_log where subject = $1 and action = 'session.reused'",
        [session.user.id],
      );
      expect(rows).toHaveLength(1);
    });
  });
}
