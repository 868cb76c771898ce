import { randomUUID } from 'node:crypto';
import { paths } from '../../addresses.ts';
import type { Problem, Session } from '../../contract.ts';
import type { TestShop } from '../test-shop.ts';

export type Answer = { status: number; headers: Headers; text: string; problem: Problem };
/** What a chapter is given: the shop it attacks, once it runs. */
export type Target = () => TestShop;

/** One request as an attacker would send it: any path, header and body. */
export async function call(
  shop: TestShop,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(shop.url + path, {
    method,
    redirect: 'manual',
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return {
    status: response.status,
    headers: response.headers,
    text,
    problem: isJson ? JSON.parse(text) : { code: 'none', message: '' },
  };
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

export async function newAccount(shop: TestShop, password = 'correct horse battery') {
  const email = `${randomUUID()}@example.com`;
  const answer = await call(shop, 'POST', paths.users, { email, password, name: 'Ada' });
  const [cookie = ''] = (answer.headers.getSetCookie()[0] ?? '').split(';');
  return { email, password, cookie, session: JSON.parse(answer.text) as Session, answer };
}
