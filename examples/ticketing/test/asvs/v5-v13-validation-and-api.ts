import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { paths } from '../../addresses.ts';
import { slug } from '../test-shop.ts';
import { bearer, call, newAccount, type Target } from './call.ts';

export function validation(shop: Target): void {
  describe('ASVS V5 and V13, validation and API', () => {
    it('5.1.1 a parameter that comes twice is no way around a rule', async () => {
      const token = bearer(await shop().token('organiser'));
      const path = `${paths.organiser.audit}?limit=1&limit=9999`;
      expect((await call(shop(), 'GET', path, undefined, token)).status).toBe(400);
    });

    it('5.1.2 fields that nobody asked for change nothing', async () => {
      const token = bearer(await shop().token());
      const wish = { id: randomUUID(), event: slug, seats: ['B-1'], amountCents: 1, holder: 'eve' };
      const { text } = await call(shop(), 'POST', paths.holds, wish, token);
      expect(JSON.parse(text)).toMatchObject({ amountCents: 14_500 });
    });

    it('5.1.3 wrong types, negative and huge numbers, and text where none belongs are refused', async () => {
      const token = bearer(await shop().token('organiser'));
      const path = paths.organiser.price(slug, 'stalls');
      for (const priceCents of [-1, 1.5, '100', 1e300, null, [], {}]) {
        expect((await call(shop(), 'PUT', path, { priceCents }, token)).status).toBe(400);
      }
      const capacity = paths.organiser.capacity(slug, 'stalls');
      for (const seats of [-1, 0.5, '100']) {
        expect((await call(shop(), 'PUT', capacity, { seats }, token)).status).toBe(400);
      }
    });

    it('5.2, 5.3.4 hostile text is text: SQL and HTML come back as they went in', async () => {
      const name = `Robert'); drop table users;-- <script>alert(1)</script>`;
      const email = `${randomUUID()}@example.com`;
      const person = { email, password: 'a long password', name };
      const answer = await call(shop(), 'POST', paths.users, person);
      expect(JSON.parse(answer.text).user.name).toBe(name);
      // and as JSON, which no browser takes for a page
      expect(answer.headers.get('content-type')).toContain('application/json');
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      const { rows } = await shop().database.query('select name from users where email = $1', [
        email,
      ]);
      expect(rows).toEqual([{ name }]);
    });

    it('5.3.3 a character that PostgreSQL cannot keep is refused, not a fault', async () => {
      const person = { email: 'nul@example.com', password: 'a long password', name: 'A\u0000B' };
      expect((await call(shop(), 'POST', paths.users, person)).status).toBe(400);
    });

    it('5.5.1 a poisoned object is only an object', async () => {
      const body = '{"__proto__":{"role":"organiser"},"constructor":{"prototype":{"role":"x"}}}';
      expect((await call(shop(), 'POST', paths.session, body)).status).toBe(400);
      expect(({} as { role?: string }).role).toBeUndefined();
    });

    it('13.1.5, 13.2.3 only JSON is read, and 13.2.1 only documented methods answer', async () => {
      const { email, password } = await newAccount(shop());
      const form = { 'content-type': 'application/x-www-form-urlencoded' };
      const body = new URLSearchParams({ email, password }).toString();
      expect((await call(shop(), 'POST', paths.session, body, form)).status).toBe(415);
      const plain = { 'content-type': 'text/plain' };
      expect((await call(shop(), 'POST', paths.session, '{}', plain)).status).toBe(415);
      for (const method of ['PUT', 'PATCH', 'OPTIONS', 'PROPFIND']) {
        expect((await call(shop(), method, paths.session)).status).toBe(404);
      }
    });

    it('13.1.3 a body larger than any request is refused before it is read', async () => {
      const huge = JSON.stringify({ email: 'x'.repeat(2 * 1024 * 1024) });
      const answer = await call(shop(), 'POST', paths.session, huge);
      expect([answer.status, answer.problem.code]).toEqual([413, 'too_large']);
    });
  });
}
