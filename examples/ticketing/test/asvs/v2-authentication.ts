import { describe, expect, it } from 'vitest';
import { paths } from '../../addresses.ts';
import { call, newAccount, type Target } from './call.ts';

export function authentication(shop: Target): void {
  describe('ASVS V2, authentication', () => {
    const register = (password: string, email: string) =>
      call(shop(), 'POST', paths.users, { email, password, name: 'Ada' });

    it('2.1.1 asks for ten characters at least; 2.1.2 takes long ones', async () => {
      expect((await register('too short', 'short@example.com')).problem.fields).toHaveProperty(
        'password',
      );
      expect((await register('x'.repeat(128), 'long@example.com')).status).toBe(201);
      expect((await register('x'.repeat(201), 'longer@example.com')).status).toBe(400);
    });

    it('2.1.3, 2.1.4, 2.1.9 cuts nothing off, takes any character, asks for no kinds of them', async () => {
      const password = `pass phrase with spaces ${'\u{1f511}'.repeat(10)} and its end`;
      const { email } = await newAccount(shop(), password);
      const logIn = (word: string) =>
        call(shop(), 'POST', paths.session, { email, password: word });
      expect((await logIn(password)).status).toBe(200);
      expect((await logIn(password.slice(0, -1))).status).toBe(401);
      expect((await logIn(password.toUpperCase())).status).toBe(401);
      expect((await register('aaaaaaaaaaaa', 'plain@example.com')).status).toBe(201);
    });

    it('2.1.7 refuses passwords that everybody knows', async () => {
      for (const password of ['1234567890', 'password123', 'Qwertyuiop', 'northern-lights']) {
        const answer = await register(password, 'weak@example.com');
        expect([answer.status, Object.keys(answer.problem.fields ?? {})]).toEqual([
          400,
          ['password'],
        ]);
      }
    });

    it('2.2.1 cuts guessing off, in parallel too, and 2.4 stores a slow salted hash', async () => {
      const { email, password } = await newAccount(shop());
      const guesses = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          call(shop(), 'POST', paths.session, { email, password: `guess ${n}` }),
        ),
      );
      const statuses = guesses.map(({ status }) => status);
      expect(statuses.filter((status) => status === 401)).toHaveLength(10);
      expect(statuses.filter((status) => status === 429)).toHaveLength(10);
      const { rows } = await shop().database.query(
        'select password_hash as hash from users where email = $1',
        [email],
      );
      expect(rows[0].hash).toMatch(/^scrypt\$\d+\$\d+\$[\w-]{22}\$[\w-]{43}$/);
      expect(rows[0].hash).not.toContain(password);
    });
  });
}
