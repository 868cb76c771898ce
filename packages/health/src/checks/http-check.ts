import type { CheckSource } from '../check.ts';
import { UnexpectedDataError } from '../errors.ts';
import { knownOptions } from '../known-options.ts';
import { requireFunction } from '../options.ts';

/** What `httpCheck` expects. */
export interface HttpCheckOptions {
  /** Headers of the request; default none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether this answer is a well service's; default: a status of 200 to 299. */
  readonly expect?: (response: Response) => boolean | Promise<boolean>;
}

/**
 * Asks another service whether it is alive, by GET. A bare origin (`http://payments:8080`) means its `/live`.
 * Never point it at another service's readiness: two services that wait for each other's readiness take one another,
 * and everybody behind them, out of service. Redirects are not followed. Scope `shared`. Resolves with `{ statusCode }`.
 * @throws TypeError when `url` is not an http(s) address or carries a user and password.
 */
export function httpCheck(url: string | URL, options: HttpCheckOptions = {}): CheckSource {
  const target = parse(url);
  if (target.pathname === '/' && target.search === '') target.pathname = '/live';
  knownOptions(options, { headers: true, expect: true });
  const expect = requireFunction('expect', options.expect ?? ((response) => response.ok));
  const headers = { ...options.headers };
  return {
    name: 'http',
    scope: 'shared',
    async check(signal) {
      const response = await fetch(target, { headers, signal, redirect: 'manual' });
      try {
        if (!(await expect(response))) {
          throw new UnexpectedDataError(target.host, `answered ${response.status}`);
        }
        return { statusCode: response.status };
      } finally {
        // An unread body would hold its connection.
        if (!response.bodyUsed) await response.body?.cancel().catch(() => undefined);
      }
    },
  };
}

/** The address is never quoted: what is wrong with it may be that it holds a password. */
function parse(url: string | URL): URL {
  const target = URL.canParse(String(url)) ? new URL(String(url)) : undefined;
  if (target === undefined || !/^https?:$/.test(target.protocol)) {
    throw new TypeError('Expected `url` to be an http or https address');
  }
  if (target.username !== '' || target.password !== '') {
    throw new TypeError('Expected `url` without user and password: use `headers`');
  }
  return target;
}
