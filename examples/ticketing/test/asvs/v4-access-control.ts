import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { api } from '../../api.ts';
import type { Route } from '../../api-route.ts';
import { slug } from '../test-shop.ts';
import { bearer, call, type Target } from './call.ts';

const routes = Object.entries(api as Record<string, Route>);
const pathOf = ({ path }: Route) =>
  path.replace(':slug', slug).replace(':sku', 'stalls').replace(':id', randomUUID());

export function accessControl(shop: Target): void {
  describe('ASVS V4, access control', () => {
    it.each(routes.filter(([, { access }]) => access !== 'anybody'))(
      '4.1.1 %s is enforced by the server: without a token 401',
      async (_name, route) => {
        expect((await call(shop(), route.method, pathOf(route))).status).toBe(401);
      },
    );

    it.each(routes.filter(([, { access }]) => access === 'organiser' || access === 'scanner'))(
      '4.1.3 %s: a buyer is told 403 before anything is looked at',
      async (_name, route) => {
        const token = bearer(await shop().token('buyer'));
        const body = route.body ? {} : undefined;
        expect((await call(shop(), route.method, pathOf(route), body, token)).status).toBe(403);
      },
    );

    it('4.1.2 nobody gives themselves a role: a registration asks in vain, a token is signed', async () => {
      const email = `${randomUUID()}@example.com`;
      const wish = { email, password: 'a long password', name: 'Eve', role: 'organiser' };
      const { text } = await call(shop(), 'POST', api.register.path, wish);
      const { user, accessToken } = JSON.parse(text);
      expect(user.role).toBe('buyer');
      const [header, payload = '', signature] = accessToken.split('.');
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
      const forged = Buffer.from(JSON.stringify({ ...claims, role: 'organiser' })).toString(
        'base64url',
      );
      const token = bearer([header, forged, signature].join('.'));
      expect((await call(shop(), 'GET', api.auditLog.path, undefined, token)).status).toBe(401);
    });

    it('4.2.1 what is of others is not found: holds, orders, tickets', async () => {
      const buyer = await shop().buyer();
      const hold = await buyer.hold(slug, ['A-1']);
      const { id } = await buyer.order(hold.id);
      const eve = bearer(await shop().token());
      for (const [method, path] of [
        ['GET', `/api/holds/${hold.id}`],
        ['DELETE', `/api/holds/${hold.id}`],
        ['POST', `/api/holds/${hold.id}/extension`],
        ['GET', `/api/orders/${id}`],
        ['POST', `/api/orders/${id}/cancellation`],
      ] as const) {
        expect((await call(shop(), method, path, undefined, eve)).status).toBe(404);
      }
    });

    it('4.2.2 another site can neither log its visitors in nor use their session', async () => {
      const evil = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
      const person = { email: 'a@example.com', password: 'a long password' };
      for (const { method, path } of [api.logIn, api.refresh, api.logOut]) {
        const body = path === api.logIn.path && method === 'POST' ? person : undefined;
        expect((await call(shop(), method, path, body, evil)).status).toBe(403);
      }
    });

    it('4.3.2 shows no list of files and no file outside of the pages', async () => {
      for (const path of ['/assets/', '/.git/config', '/../package.json', '/%2e%2e/package.json']) {
        expect((await call(shop(), 'GET', path)).status).toBeGreaterThanOrEqual(400);
      }
    });
  });
}
