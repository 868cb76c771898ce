/** Register, log in, refresh, log out. After that the database is not asked who somebody is. */

import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Pool } from 'pg';
import { paths } from '../../addresses.ts';
import { api } from '../../api.ts';
import type { Session, User } from '../../contract.ts';
import { audit } from '../audit.ts';
import { ProblemError } from '../problem.ts';
import type { RedisPulse } from '../redis-pulse.ts';
import { bind } from '../route.ts';
import type { AccessTokens } from './access-token.ts';
import type { LoginAttempts } from './attempts.ts';
import type { Passwords } from './passwords.ts';
import type { Regions } from './regions.ts';
import { regionOf, type Sessions } from './sessions.ts';
import { addUser, findUser } from './users.ts';
import { isWeakPassword } from './weak-passwords.ts';

export type AuthDeps = {
  /** the sale's, for what names nobody */
  database: Pool;
  /** the home region's */
  people: Pool;
  regions: Regions;
  passwords: Passwords;
  tokens: AccessTokens;
  sessions: Sessions;
  attempts: LoginAttempts;
  /** of the Redis that sessions and attempts are in */
  pulse: RedisPulse;
  cookies: { secure: boolean; ttlMs: number };
};

const cookieName = 'session';

export function authRoutes(app: FastifyInstance, deps: AuthDeps): void {
  const { database, people, regions, passwords, tokens, sessions, attempts, pulse } = deps;
  // Strict and HttpOnly: no other site can send it and no script can read it
  const cookie = {
    path: paths.session,
    httpOnly: true,
    sameSite: 'strict',
    secure: deps.cookies.secure,
  } as const;

  const session = async (user: User): Promise<Session> => ({
    user,
    ...(await tokens.issue(user)),
  });
  const giveCookie = (reply: FastifyReply, token: string) =>
    reply.setCookie(cookieName, token, {
      ...cookie,
      maxAge: Math.floor(deps.cookies.ttlMs / 1000),
    });

  bind(app, tokens, api.register, async ({ body, request, reply }) => {
    const { email, name, password } = body;
    const region = regions.chosen(body.region);
    if (region !== regions.own) return regions.passOn(region, request, reply);
    if (isWeakPassword(password)) {
      const fields = { password: 'is one that everybody tries first' };
      throw new ProblemError('invalid_input', 'Please choose another password.', { fields });
    }
    await pulse.guard(() => attempts.count(`registration of ${email}`, request.ip));
    const passwordHash = await passwords.hash(password);
    await regions.claim(email, region);
    const user = await addUser(people, { email, name, region, role: 'buyer', passwordHash });
    if (!user) throw new ProblemError('email_taken', 'This address has an account already.');
    giveCookie(reply, await pulse.guard(() => sessions.start(user)));
    return session(user);
  });

  bind(app, tokens, api.logIn, async ({ body, request, reply }) => {
    const home = await regions.homeOf(body.email);
    if (home !== regions.own) return regions.passOn(home, request, reply);
    await pulse.guard(() => attempts.count(body.email, request.ip));
    const account = await findUser(people, body.email);
    const matches = await passwords.verify(body.password, account?.passwordHash);
    if (!account || !matches) {
      throw new ProblemError('unauthorized', 'Address and password do not belong together.');
    }
    const [token] = await pulse.guard(() =>
      Promise.all([sessions.start(account.user), attempts.clear(body.email)]),
    );
    giveCookie(reply, token);
    return session(account.user);
  });

  bind(app, tokens, api.refresh, async ({ request, reply }) => {
    const token = request.cookies[cookieName] ?? '';
    const home = regionOf(token) ?? regions.own;
    if (home !== regions.own) return regions.passOn(home, request, reply);
    const refreshed = await pulse.guard(() => sessions.refresh(token));
    if (refreshed.outcome === 'unknown' || refreshed.outcome === 'reused') {
      if (refreshed.outcome === 'reused') {
        const { id } = refreshed.user;
        request.log.warn({ user: id }, 'a refresh token was used twice');
        await audit(database, { actor: 'auth', action: 'session.reused', subject: id });
      }
      reply.clearCookie(cookieName, cookie);
      throw new ProblemError('unauthorized', 'Please log in.');
    }
    if (refreshed.outcome === 'rotated') giveCookie(reply, refreshed.token);
    return session(refreshed.user);
  });

  bind(app, tokens, api.logOut, async ({ request, reply }) => {
    const token = request.cookies[cookieName] ?? '';
    const home = regionOf(token) ?? regions.own;
    if (home !== regions.own) return regions.passOn(home, request, reply);
    await pulse.guard(() => sessions.end(token));
    reply.clearCookie(cookieName, cookie);
    return undefined;
  });

  bind(app, tokens, api.logOutEverywhere, async ({ user, request, reply }) => {
    if (user.region !== regions.own) return regions.passOn(user.region, request, reply);
    await pulse.guard(() => sessions.endAll(user.id));
    await audit(database, { actor: user.id, action: 'session.end-all', subject: user.id });
    return undefined;
  });
}
