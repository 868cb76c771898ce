import { describe, expect, it } from 'vitest';
import { paths } from '../../addresses.ts';
import { call, type Target } from './call.ts';

export function configuration(shop: Target): void {
  describe('ASVS V14, configuration', () => {
    it.each(['/', '/api/events', '/nothing', '/openapi.json', '/live'])(
      '14.4 %s comes with its security headers',
      async (path) => {
        const { headers } = await call(shop(), 'GET', path);
        const policy = headers.get('content-security-policy') ?? '';
        expect(policy).toContain("default-src 'none'");
        expect(policy).toContain("frame-ancestors 'none'");
        expect(policy).not.toMatch(/unsafe|\*/);
        expect(headers.get('x-content-type-options')).toBe('nosniff');
        expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
      },
    );

    it('14.3.3 tells neither product nor version', async () => {
      const { headers } = await call(shop(), 'GET', paths.events);
      for (const name of ['server', 'x-powered-by', 'via']) expect(headers.get(name)).toBeNull();
    });

    it('14.5.3 lets no other origin read an answer', async () => {
      for (const origin of ['https://evil.example', 'null']) {
        const { headers } = await call(shop(), 'GET', paths.events, undefined, { origin });
        expect(headers.get('access-control-allow-origin')).toBeNull();
      }
    });

    it('14.5.1 does not believe a Host or a forwarded address that a client made up', async () => {
      const made = { 'x-forwarded-host': 'evil.example', origin: 'https://evil.example' };
      expect((await call(shop(), 'POST', paths.refresh, undefined, made)).status).toBe(403);
    });
  });
}
