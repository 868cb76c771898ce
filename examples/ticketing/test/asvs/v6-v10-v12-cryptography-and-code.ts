import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { paths } from '../../addresses.ts';
import type { ScanResult } from '../../contract.ts';
import { signTicket } from '../../services/tickets/ticket-code.ts';
import { slug } from '../test-shop.ts';
import { bearer, call, newAccount, type Target } from './call.ts';

export function cryptographyAndCode(shop: Target): void {
  describe('ASVS V6, V10 and V12, cryptography, code and addresses', () => {
    it('6.2.1 a token that cannot be verified is refused, in the same words whatever is wrong with it', async () => {
      const { session } = await newAccount(shop());
      const [head = '', claims = '', signature = ''] = session.accessToken.split('.');
      const unsigned = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
      const wrong = [
        `${head}.${claims}.${'A'.repeat(signature.length)}`,
        `${head}.${claims}.${signature.slice(0, -4)}`,
        `${head}.${claims}.`,
        `${unsigned}.${claims}.`,
        `${head}.${Buffer.from('{').toString('base64url')}.${signature}`,
        '..',
      ];
      const answers = await Promise.all(
        wrong.map((token) =>
          call(shop(), 'GET', paths.order(randomUUID()), undefined, bearer(token)),
        ),
      );
      for (const { status } of answers) expect(status).toBe(401);
      expect(new Set(answers.map(({ problem }) => problem.message)).size).toBe(1);
      // the genuine one is let in, and finds no such order
      const { accessToken } = session;
      const genuine = await call(
        shop(),
        'GET',
        paths.order(randomUUID()),
        undefined,
        bearer(accessToken),
      );
      expect(genuine.status).toBe(404);
    });

    it('6.2.1 a ticket signed with another key, or with a broken signature, lets nobody in', async () => {
      const claims = { ticket: randomUUID(), order: randomUUID(), event: slug, seat: 'A-1' };
      const foreign = signTicket(claims, generateKeyPairSync('ed25519').privateKey);
      const token = bearer(await shop().token('scanner'));
      for (const code of [
        foreign,
        foreign.slice(0, -8),
        foreign.split('.').slice(0, 2).join('.'),
      ]) {
        const scan = { id: randomUUID(), event: slug, device: 'North', code };
        const answer = await call(shop(), 'POST', paths.scans, scan, token);
        expect((JSON.parse(answer.text) as ScanResult).outcome).toBe('forged');
      }
    });

    it('10.3.2 a page runs the scripts of its own origin, and no others', async () => {
      for (const path of ['/', '/organiser', '/scanner']) {
        const { headers, text } = await call(shop(), 'GET', path);
        const policy = headers.get('content-security-policy') ?? '';
        expect(policy).toMatch(/(^|; )script-src 'self'(;|$)/);
        const sources = [...text.matchAll(/<script[^>]*>/g)].map(
          ([tag]) => /src="([^"]*)"/.exec(tag)?.[1],
        );
        expect(sources.length).toBeGreaterThan(0);
        for (const source of sources) expect(source).toMatch(/^\/(?!\/)/);
      }
    });

    it('12.6.1 asks no host that a request names', async () => {
      let visits = 0;
      const trap = createServer((socket) => {
        visits += 1;
        socket.destroy();
      }).listen(0, '127.0.0.1');
      await once(trap, 'listening');
      const url = `http://127.0.0.1:${(trap.address() as AddressInfo).port}`;
      const { session } = await newAccount(shop());
      const token = bearer(session.accessToken);
      const named = {
        email: `${randomUUID()}@example.com`,
        name: 'Ada',
        password: url,
        region: url,
      };
      const made = { 'x-forwarded-host': url.slice('http://'.length), forwarded: `host=${url}` };
      const answers = await Promise.all([
        call(shop(), 'POST', paths.users, named),
        call(shop(), 'POST', paths.refresh, undefined, { cookie: `session=${url}.x` }),
        call(shop(), 'POST', paths.pspWebhook, {
          id: url,
          type: url,
          sequence: 1,
          charge: { id: url, reference: url },
        }),
        call(shop(), 'GET', paths.events, undefined, made),
        call(
          shop(),
          'POST',
          paths.holds,
          { id: randomUUID(), event: slug, seats: ['A-9'], pass: url },
          token,
        ),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([400, 401, 400, 200, 201]);
      // the request line of a request to a proxy, which this is not
      const absolute = request(shop().url, { path: `${url}/` }).end();
      const [reply] = (await once(absolute, 'response')) as [IncomingMessage];
      reply.resume();
      expect(reply.statusCode).toBeGreaterThanOrEqual(200);
      await once(reply, 'end');
      trap.close();
      expect(visits).toBe(0);
    });
  });
}
