import { describe, expect, it } from 'vitest';
import { paths } from '../../addresses.ts';
import { bearer, call, newAccount, type Target } from './call.ts';

export function sessions(shop: Target): void {
  describe('ASVS V3, sessions', () => {
    const refresh = (cookie: string) => call(shop(), 'POST', paths.refresh, undefined, { cookie });

    it('3.1.1 puts no token into an address, 3.2.1 makes a new one at each log-in', async () => {
      const { email, password, cookie } = await newAccount(shop());
      const answer = await call(shop(), 'POST', paths.session, { email, password }, { cookie });
      const [next = ''] = (answer.headers.getSetCookie()[0] ?? '').split(';');
      expect(next).not.toBe(cookie);
      const inAddress = await call(shop(), 'POST', `${paths.refresh}?${cookie}`);
      expect(inAddress.status).toBe(401);
    });

    it('3.2.2 has 256 random bits, of which 3.2.3 only a hash is stored', async () => {
      const { cookie } = await newAccount(shop());
      const [, secret = ''] = cookie.split('.').slice(-2);
      expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    });

    it('3.3.1 is over after the log-out, and its token is worth nothing', async () => {
      const { cookie } = await newAccount(shop());
      await call(shop(), 'DELETE', paths.session, undefined, { cookie });
      expect((await refresh(cookie)).status).toBe(401);
    });

    it('3.3.3 ends everywhere when its owner wants it', async () => {
      const { cookie, session } = await newAccount(shop());
      await call(shop(), 'DELETE', paths.sessions, undefined, bearer(session.accessToken));
      expect((await refresh(cookie)).status).toBe(401);
    });

    it('3.4 travels in a cookie that is Secure, HttpOnly, SameSite=Strict and on its path', async () => {
      const { answer } = await newAccount(shop());
      const [cookie = ''] = answer.headers.getSetCookie();
      for (const part of ['Secure', 'HttpOnly', 'SameSite=Strict', 'Path=/api/session']) {
        expect(cookie.split('; ')).toContain(part);
      }
    });

    it('3.5.2 tokens are signed, short-lived and no API keys', async () => {
      const { session } = await newAccount(shop());
      const [, payload = ''] = session.accessToken.split('.');
      const { exp, iat } = JSON.parse(Buffer.from(payload, 'base64url').toString());
      expect(exp - iat).toBe(900);
    });
  });
}
