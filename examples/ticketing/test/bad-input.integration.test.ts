import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { backends } from '../../../test/backends.ts';
import { paths } from '../addresses.ts';
import type { Problem, Region, Session } from '../contract.ts';
import { Buyer } from '../launcher/buyer.ts';
import { AccessTokens } from '../services/auth/access-token.ts';
import { LoginAttempts } from '../services/auth/attempts.ts';
import { slug, TestShop, tokenSecret } from './test-shop.ts';

let shop: TestShop;
let token: string;
beforeAll(async () => {
  shop = await TestShop.start({ PSP_LATENCY_MS: '50' });
  token = await tokenOf(shop);
});
afterAll(() => shop?.stop());

async function tokenOf({ url }: TestShop): Promise<string> {
  const { body } = await send('POST', url + paths.users, {
    email: `${randomUUID()}@example.com`,
    password: 'a long password',
    name: 'Ada',
  });
  return (body as Session).accessToken;
}

async function send(
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: unknown; cookie: string }> {
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const [cookie = ''] = (response.headers.getSetCookie()[0] ?? '').split(';');
  return { status: response.status, body: text ? JSON.parse(text) : undefined, cookie };
}

const bearer = () => ({ authorization: `Bearer ${token}` });
const id = randomUUID();

describe('bad input', () => {
  const hold = { id, event: slug, seats: ['A-1'] };
  it.each<[string, string, unknown, number]>([
    ['text that is not JSON', paths.holds, '{"id": ', 400],
    ['JSON that is no object', paths.holds, '[1, 2]', 400],
    ['nothing', paths.holds, undefined, 400],
    ['an id of the wrong type', paths.holds, { ...hold, id: 7 }, 400],
    ['seats as text', paths.holds, { ...hold, seats: 'A-1' }, 400],
    ['no seats', paths.holds, { ...hold, seats: [] }, 400],
    [
      'seven seats',
      paths.holds,
      { ...hold, seats: [1, 2, 3, 4, 5, 6, 7].map((n) => `A-${n}`) },
      400,
    ],
    ['a negative quantity', paths.holds, { id, event: slug, quantity: -1 }, 400],
    ['a seat of a negative number', paths.holds, { ...hold, seats: ['A--1'] }, 400],
    ['a seat that is not in the hall', paths.holds, { ...hold, seats: ['Z-99'] }, 400],
    ['a seat number beyond its row', paths.holds, { ...hold, seats: ['A-17'] }, 400],
    ['a key for Redis as a seat', paths.holds, { ...hold, seats: ['{hold:x}:m'] }, 400],
    ['another event', paths.holds, { ...hold, event: 'no-such-night' }, 404],
    ['an event with a path in it', paths.holds, { ...hold, event: '../../etc/passwd' }, 404],
    [
      'an order of an unknown hold',
      paths.orders,
      { id, holdId: randomUUID(), card: 'card_ok' },
      410,
    ],
    ['an order without a card', paths.orders, { id, holdId: id }, 400],
    ['a body of 20 kB', paths.orders, { id, holdId: id, card: 'x'.repeat(20_000) }, 413],
  ])('%s is refused', async (_what, path, input, status) => {
    const answer = await send('POST', shop.url + path, input, bearer());
    expect(answer.status).toBe(status);
    const { code, message } = answer.body as Problem;
    expect(code).toMatch(/^[a-z_]+$/);
    expect(message.length).toBeGreaterThan(5);
  });

  it('a home in a region that this shop does not run in is refused', async () => {
    const elsewhere = {
      email: `${randomUUID()}@example.com`,
      password: 'a long password',
      name: 'Ada',
      region: 'au' satisfies Region,
    };
    const { status, body } = await send('POST', shop.url + paths.users, elsewhere);
    expect([status, (body as Problem).code]).toEqual([400, 'invalid_input']);
  });

  it('changes nothing: every seat is still free', async () => {
    const { body } = await send('GET', shop.url + paths.availability(slug));
    expect((body as { seats: object }).seats).toEqual({});
  });

  it.each(['/api/nothing', '/api/events/none', '/api/orders/x', '/api/holds/x', '/nothing'])(
    '%s is not found',
    async (path) => {
      const { status, body } = await send('GET', shop.url + path, undefined, bearer());
      expect([status, (body as Problem).code]).toEqual([404, 'not_found']);
    },
  );
});

describe('an access token', () => {
  it('is refused when it is missing, garbled, expired, or signed by somebody else', async () => {
    const forged = await new SignJWT({ email: 'eve@example.com', name: 'Eve' })
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
      .setIssuer('evenkeel-ticketing')
      .setSubject(randomUUID())
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode('a secret that Eve has made up herself'));
    const yesterday = () => Date.now() - 86_400_000;
    const ours = new AccessTokens({ secret: tokenSecret, ttlMs: 900_000, clock: yesterday });
    const { accessToken } = await ours.issue({ id: randomUUID(), role: 'buyer', region: 'eu' });
    const expired = `Bearer ${accessToken}`;
    for (const authorization of [
      '',
      'Bearer',
      'Bearer x',
      `Bearer ${forged}`,
      `Basic ${token}`,
      expired,
    ]) {
      const body = { id, event: slug, seats: ['A-1'] };
      const answer = await send('POST', shop.url + paths.holds, body, { authorization });
      expect([answer.status, (answer.body as Problem).code]).toEqual([401, 'unauthorized']);
    }
    const socket = await new Buyer(shop.url, accessToken).connect();
    await expect
      .poll(() => socket.messages.map((one) => one.type === 'problem' && one.problem.code))
      .toContain('unauthorized');
    expect(socket.messages.map(({ type }) => type)).not.toContain('authorized');
    socket.close();
    const good = await new Buyer(shop.url, token).connect();
    await expect.poll(() => good.messages).toContainEqual({ type: 'authorized' });
    good.close();
  });
});

describe('an account', () => {
  const email = `${randomUUID()}@example.com`;
  const password = 'correct horse battery';
  const logIn = (word: string, address = email) =>
    send('POST', shop.url + paths.session, { email: address, password: word });

  it('is registered once, whatever the case of its address', async () => {
    const person = { email, password, name: 'Ada' };
    expect((await send('POST', shop.url + paths.users, person)).status).toBe(201);
    const again = { ...person, email: email.toUpperCase() };
    const { status, body } = await send('POST', shop.url + paths.users, again);
    expect([status, (body as Problem).code]).toEqual([409, 'email_taken']);
  });

  it('answers a wrong password and an unknown address alike', async () => {
    const [wrong, unknown] = [await logIn('wrong'), await logIn('wrong', 'nobody@example.com')];
    expect(wrong.status).toBe(401);
    expect(unknown).toEqual(wrong);
  });

  it('keeps its session by a cookie that works once, and ends it when a copy is used', async () => {
    const { cookie: first } = await logIn(password);
    const refresh = (cookie: string) =>
      send('POST', shop.url + paths.refresh, undefined, { cookie });
    const { status, cookie: second } = await refresh(first);
    expect(status).toBe(200);
    expect(second).not.toBe(first);
    // a second tab that was a moment late gets a token, but no cookie of its own
    const late = await refresh(first);
    expect([late.status, late.cookie]).toEqual([200, '']);
    const { cookie: third } = await refresh(second);
    // two generations old: nobody's second tab, but a stolen copy
    expect((await refresh(first)).status).toBe(401);
    expect((await refresh(third)).status).toBe(401);
  });

  it('is logged out for good', async () => {
    const { cookie } = await logIn(password);
    const end = await send('DELETE', shop.url + paths.session, undefined, { cookie });
    expect(end.status).toBe(204);
    expect((await send('POST', shop.url + paths.refresh, undefined, { cookie })).status).toBe(401);
  });

  it('takes ten wrong passwords, and then not even the right one for a while', async () => {
    const person = { email: `${randomUUID()}@example.com`, password, name: 'Bob' };
    await send('POST', shop.url + paths.users, person);
    for (let attempt = 0; attempt < 10; attempt += 1) {
      expect((await logIn('wrong', person.email)).status).toBe(401);
    }
    const { status, body } = await logIn(password, person.email);
    expect([status, (body as Problem).code]).toEqual([429, 'too_many_attempts']);
    expect((body as Problem).retryAfterMs).toBeGreaterThan(0);
  });
});

describe('an address that tries many accounts', () => {
  it('is cut off after its share, which is written down by hash only', async () => {
    const redis = new Redis(backends().redisUrl);
    const namespace = `${shop.namespace}_limits`;
    const attempts = new LoginAttempts({ redis, namespace, perAddress: 3 });
    try {
      for (const name of ['ada', 'bob', 'eve']) {
        await attempts.count(`${name}@example.com`, '192.0.2.7');
      }
      const refused = await attempts.count('zoe@example.com', '192.0.2.7').catch((error) => error);
      expect(refused.problem).toMatchObject({ code: 'too_many_attempts' });
      await attempts.count('zoe@example.com', '192.0.2.8');
      // who logs in at last has guessed as often all the same
      await attempts.clear('zoe@example.com');
      await expect(attempts.count('zoe@example.com', '192.0.2.7')).rejects.toThrow('your network');
      const keys = await redis.keys(`${namespace}:*`);
      expect(keys.length).toBeGreaterThan(4);
      expect(keys.join()).not.toMatch(/ada|192\.0/);
      for (const key of keys) expect(await redis.pttl(key)).toBeGreaterThan(0);
      await redis.del(...keys);
    } finally {
      redis.disconnect();
    }
  });
});

describe('sessions', () => {
  const password = 'correct horse battery';
  const newcomer = async () => {
    const person = { email: `${randomUUID()}@example.com`, password, name: 'Ada' };
    await send('POST', shop.url + paths.users, person);
    const logIn = () => send('POST', shop.url + paths.session, person);
    return { first: await logIn(), second: await logIn() };
  };
  const refresh = (cookie: string, headers = {}) =>
    send('POST', shop.url + paths.refresh, undefined, { cookie, ...headers });

  it('end everywhere at once when their owner says so', async () => {
    const { first, second } = await newcomer();
    const { accessToken } = first.body as Session;
    const authorization = `Bearer ${accessToken}`;
    const ended = await send('DELETE', shop.url + paths.sessions, undefined, { authorization });
    expect(ended.status).toBe(204);
    expect((await refresh(first.cookie)).status).toBe(401);
    expect((await refresh(second.cookie)).status).toBe(401);
  });

  it('are one family: the other device stays when a stolen copy ends one of them', async () => {
    const { first, second } = await newcomer();
    const { cookie: next } = await refresh(first.cookie);
    await refresh(next);
    expect((await refresh(first.cookie)).status).toBe(401);
    expect((await refresh(second.cookie)).status).toBe(200);
  });

  it('are not opened or refreshed by the pages of another site', async () => {
    const { first } = await newcomer();
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]) {
      expect((await refresh(first.cookie, headers)).status).toBe(403);
    }
    const ours = { origin: shop.url, 'sec-fetch-site': 'same-origin' };
    expect((await refresh(first.cookie, ours)).status).toBe(200);
  });

  it('come in a cookie that no script reads and no other site sends', async () => {
    const response = await fetch(shop.url + paths.users, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: `${randomUUID()}@example.com`, password, name: 'Ada' }),
    });
    const [cookie = ''] = response.headers.getSetCookie();
    for (const part of ['HttpOnly', 'SameSite=Strict', 'Path=/api/session']) {
      expect(cookie).toContain(part);
    }
  });
});

describe('the WebSocket', () => {
  const open = (headers: Record<string, string>, path: string = paths.socket) =>
    new Promise<number>((resolve) => {
      const socket = new WebSocket(shop.url.replace('http', 'ws') + path, { headers });
      socket.on('open', () => {
        socket.close();
        resolve(101);
      });
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
      socket.on('error', () => {});
    });

  it('opens for pages of this host and for none of another', async () => {
    expect(await open({ origin: shop.url })).toBe(101);
    expect(await open({ origin: 'https://evil.example' })).toBe(403);
    expect(await open({ origin: 'null' })).toBe(403);
    expect(await open({}, '/elsewhere')).toBe(403);
  });

  it('answers nonsense with a problem and goes on', async () => {
    const buyer: Buyer = await shop.buyer();
    const socket = await buyer.connect();
    try {
      const nonsense = [{ type: 'watch-everything' }, { type: 'watch-event', event: 'none' }, null];
      for (const message of nonsense) socket.send(message as never);
      const isProblem = (count: number) => () =>
        socket.messages.filter(({ type }) => type === 'problem').length === count;
      await expect.poll(isProblem(3)).toBe(true);
      socket.send({ type: 'watch-event', event: slug });
      await expect.poll(() => socket.messages.at(-1)?.type).toBe('availability');
    } finally {
      socket.close();
    }
  });
});
