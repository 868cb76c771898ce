import { createHook } from 'node:async_hooks';
import { stat } from 'node:fs/promises';
import { SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { AccessTokens } from '../services/auth/access-token.ts';
import { Passwords } from '../services/auth/passwords.ts';
import { ProblemError } from '../services/problem.ts';

const user = {
  id: '8f0c2a5e-6f0e-4d6c-9a43-0c9a6c1f5d11',
  email: 'ada@example.com',
  name: 'Ada',
  role: 'buyer',
  region: 'eu',
} as const;
const secret = 'a secret of at least 32 characters';
const start = Date.parse('2027-01-01T12:00:00Z');

function at(clock: () => number, key = secret): AccessTokens {
  return new AccessTokens({ secret: key, ttlMs: 900_000, clock });
}

async function rejectionOf(promise: Promise<unknown>): Promise<ProblemError> {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(ProblemError);
  return error;
}

describe('an access token', () => {
  it('names its user for fifteen minutes and not a second longer', async () => {
    let now = start;
    const tokens = at(() => now);
    const { accessToken, expiresAt } = await tokens.issue(user);
    expect(expiresAt).toBe('2027-01-01T12:15:00.000Z');
    now = start + 899_000;
    const { id, role, region } = user;
    expect(await tokens.verify(accessToken)).toEqual({ id, role, region });
    now = start + 900_000;
    expect((await rejectionOf(tokens.verify(accessToken))).status).toBe(401);
  });

  it('is worth nothing under another secret', async () => {
    const { accessToken } = await at(() => start, `${secret}!`).issue(user);
    expect((await rejectionOf(at(() => start).verify(accessToken))).problem.code).toBe(
      'unauthorized',
    );
  });

  it('is refused when it says that it needs no signature, or is of another kind', async () => {
    const tokens = at(() => start);
    const unsigned = new UnsecuredJWT({ email: user.email, name: user.name })
      .setIssuer('evenkeel-ticketing')
      .setSubject(user.id)
      .setExpirationTime(new Date(start + 60_000))
      .encode();
    const otherKind = await new SignJWT({ email: user.email, name: user.name })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuer('evenkeel-ticketing')
      .setSubject(user.id)
      .setExpirationTime(new Date(start + 60_000))
      .sign(new TextEncoder().encode(secret));
    for (const token of [unsigned, otherKind, 'a.b.c', '', undefined]) {
      expect((await rejectionOf(tokens.verify(token))).status).toBe(401);
    }
  });
});

describe('the verification of a token', () => {
  /** Everything that Node knows as an operation on a file, a socket or a name. */
  const io =
    /^(FS|TCP|TLS|PIPE|UDP|DNS|GETADDR|GETNAME|QUERY|HTTP|PROCESS|STREAM|WRITEWRAP|SHUTDOWN)/;
  async function ioOf(work: () => Promise<unknown>): Promise<string[]> {
    const seen: string[] = [];
    const hook = createHook({
      init(_id, type) {
        if (io.test(type)) seen.push(type);
      },
    }).enable();
    await work();
    hook.disable();
    return seen;
  }

  it('does no I/O at all, counted over 1,000 of them', async () => {
    const tokens = at(() => start);
    const { accessToken } = await tokens.issue(user);
    const verified = await ioOf(async () => {
      for (let count = 0; count < 1_000; count += 1) await tokens.verify(accessToken);
    });
    expect(verified).toEqual([]);
    // the counter counts: one look at a file is seen
    expect(await ioOf(() => stat(process.execPath))).not.toEqual([]);
  });
});

describe('a password', () => {
  const passwords = new Passwords({ costLog2: 10 });

  it('is known again by its hash, which is different each time', async () => {
    const [first, second] = await Promise.all([
      passwords.hash('correct horse'),
      passwords.hash('correct horse'),
    ]);
    expect(first).not.toBe(second);
    expect(await passwords.verify('correct horse', first)).toBe(true);
    expect(await passwords.verify('correct Horse', first)).toBe(false);
  });

  it('is the same password in either Unicode form', async () => {
    const stored = await passwords.hash('gr\u00fcnes licht');
    expect(await passwords.verify('gru\u0308nes licht', stored)).toBe(true);
  });

  it('is hashed with the cost it was stored with, after the cost has risen', async () => {
    const stored = await passwords.hash('correct horse');
    expect(await new Passwords({ costLog2: 11 }).verify('correct horse', stored)).toBe(true);
  });

  it('costs the same work when there is no such account, and never fits', async () => {
    expect(await passwords.verify('anything', undefined)).toBe(false);
  });

  it('is refused politely when too many wait, and the waiting ones are served', async () => {
    const small = new Passwords({ costLog2: 10, concurrency: 1, maxQueue: 2 });
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () => small.hash('correct horse')),
    );
    expect(results.map(({ status }) => status)).toEqual([
      ...Array(3).fill('fulfilled'),
      ...Array(2).fill('rejected'),
    ]);
    const refused = results.at(-1) as PromiseRejectedResult;
    expect(refused.reason.problem).toMatchObject({ code: 'unavailable', retryAfterMs: 2_000 });
    expect(await small.hash('afterwards')).toMatch(/^scrypt\$10\$5\$/);
  });
});
