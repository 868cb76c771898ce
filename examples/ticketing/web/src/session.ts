import { signal } from '@preact/signals';
import { paths } from '../../addresses.ts';
import type { Credentials, Registration, Session, User } from '../../contract.ts';
import type { CallOptions, Method } from './api.ts';
import { ApiError, call } from './api.ts';
import { msUntil } from './clock.ts';

/**
 * Who is signed in. The access token lives in this module's memory and nowhere else; what survives a
 * reload is the refresh cookie, which scripts cannot read.
 */
export const user = signal<User | null>(null);

let session: Session | null = null;
let restored: Promise<unknown> = Promise.resolve();

/**
 * Who was signed in last: says that a refresh cookie is worth trying, so that a stranger's visit asks for
 * nothing, and whose door it is while there is no network to try it.
 */
const HINT = 'evenkeel:signed-in';
export type Known = Pick<User, 'name' | 'role'>;
const RENEW_BEFORE_MS = 15_000;
const otherTabs = new BroadcastChannel('evenkeel:session');
otherTabs.onmessage = ({ data }) => {
  if (data === 'signed-out') forget();
  if (data === 'signed-in' && !session) restoreSession();
};

export async function signIn(credentials: Credentials): Promise<void> {
  begin(await call<Session>('POST', paths.session, { body: credentials, attempts: 1 }));
}

export async function register(registration: Registration): Promise<void> {
  begin(await call<Session>('POST', paths.users, { body: registration, attempts: 1 }));
}

export async function signOut(): Promise<void> {
  await call('DELETE', paths.session);
  forget();
  otherTabs.postMessage('signed-out');
}

/** Who was signed in here last and has not signed out. Proves nothing: whatever matters asks the server. */
export function lastUser(): Known | null {
  try {
    return JSON.parse(localStorage.getItem(HINT) ?? 'null') as Known | null;
  } catch {
    return null; // something else wrote there
  }
}

/** Picks the session up again after a reload. Quiet when there is none. */
export function restoreSession(): void {
  if (localStorage.getItem(HINT)) restored = refresh();
}

/** A good access token, renewed when it is about to end; undefined when nobody is signed in. */
export async function accessToken(): Promise<string | undefined> {
  await restored;
  if (session && msUntil(session.expiresAt) < RENEW_BEFORE_MS) await refresh();
  return session?.accessToken;
}

/** Calls a route that needs a signed-in user; a token refused by the server is renewed once. */
export async function authorizedCall<T>(
  method: Method,
  path: string,
  options: CallOptions = {},
): Promise<T> {
  const token = await accessToken();
  if (!token) throw new ApiError(401, { code: 'unauthorized', message: 'Please sign in.' });
  try {
    return await call<T>(method, path, { ...options, accessToken: token });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 401 && (await refresh()))) throw error;
    return call<T>(method, path, { ...options, accessToken: session?.accessToken });
  }
}

/**
 * One refresh at a time over all tabs: a refresh token is good once, and using it twice is how the
 * server recognises a stolen one.
 */
async function refresh(): Promise<boolean> {
  const before = session;
  const renew = async () => {
    if (session !== before) return session !== null; // somebody was faster
    try {
      begin(await call<Session>('POST', paths.refresh));
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) forget();
      return false;
    }
  };
  return navigator.locks ? navigator.locks.request('evenkeel:refresh', renew) : renew();
}

function begin(next: Session): void {
  const isNew = session === null;
  session = next;
  user.value = next.user;
  const { name, role } = next.user;
  localStorage.setItem(HINT, JSON.stringify({ name, role } satisfies Known));
  if (isNew) otherTabs.postMessage('signed-in');
}

function forget(): void {
  session = null;
  user.value = null;
  localStorage.removeItem(HINT);
}
