import { describe, expect, it } from 'vitest';
import { paths } from '../../addresses.ts';
import { slug } from '../test-shop.ts';
import { bearer, call, newAccount, type Target } from './call.ts';

export function dataProtection(shop: Target): void {
  describe('ASVS V8 and V9, data protection and communication', () => {
    it('8.2.1 nothing of anybody is kept by a browser or a cache on the way', async () => {
      const { session } = await newAccount(shop());
      const token = bearer(session.accessToken);
      for (const path of [paths.organiser.audit, paths.order('x'), paths.hold('x')]) {
        const { headers } = await call(shop(), 'GET', path, undefined, token);
        expect(headers.get('cache-control')).toBe('no-store');
      }
      // the page of an event is the same for everybody: a browser asks each time whether it has changed
      const page = await call(shop(), 'GET', paths.event(slug), undefined, token);
      expect(page.headers.get('cache-control')).toBe('public, max-age=0, must-revalidate');
      expect(page.headers.has('set-cookie')).toBe(false);
    });

    it('8.3.1 an address with private data in it does not travel on as a referrer', async () => {
      const { headers } = await call(shop(), 'GET', paths.events);
      expect(headers.get('referrer-policy')).toBe('no-referrer');
    });

    it('8.3.4 a token names nobody: no address, no name, in what every service reads', async () => {
      const { email, session } = await newAccount(shop());
      const [, payload = ''] = session.accessToken.split('.');
      const claims = Buffer.from(payload, 'base64url').toString();
      expect(claims).not.toContain(email);
      expect(claims).not.toContain('Ada');
    });

    it('9.1.1 asks browsers for TLS from now on, where there is TLS', async () => {
      const { headers } = await call(shop(), 'GET', paths.events);
      expect(headers.get('strict-transport-security')).toMatch(/max-age=31536000/);
    });
  });
}
