/** Register, log in, refresh, log out. After that the database is not asked who somebody is. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { paths } from '../../addresses.ts';
import { credentialsSchema, registrationSchema, type Session, type User } from '../../contract.ts';
import { ProblemError, parse } from '../problem.ts';
import type { AccessTokens } from './access-token.ts';
import type { LoginAttempts } from './attempts.ts';
import type { Passwords } from './passwords.ts';
import type { Sessions } from './sessions.ts';
import { findUser, insertUser } from './users.ts';

export type AuthDeps = {
  database: Pool;
  passwords: Passwords;
  tokens: AccessTokens;
  sessions: Sessions;
  attempts: LoginAttempts;
  cookies: { secure: boolean; ttlMs: number };
};

const cookieName = 'session';

export function authRoutes(app: FastifyInstance, deps: AuthDeps): void {
  const { database, passwords, tokens, sessions, attempts } = deps;
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

  app.post(paths.users, async (request, reply) => {
    const { email, name, password } = parse(registrationSchema, request.body);
    const passwordHash = await passwords.hash(password);
    const user = await insertUser(database, { email, name, passwordHash });
    if (!user) throw new ProblemError('email_taken', 'This address has an account already.');
    giveCookie(reply, await sessions.start(user));
    return reply.code(201).send(await session(user));
  });

  app.post(paths.session, async (request, reply) => {
    const { email, password } = parse(credentialsSchema, request.body);
    await attempts.count(email);
    const account = await findUser(database, email);
    const matches = await passwords.verify(password, account?.passwordHash);
    if (!account || !matches) {
      throw new ProblemError('unauthorized', 'Address and password do not belong together.');
    }
    await attempts.clear(email);
    giveCookie(reply, await sessions.start(account.user));
    return session(account.user);
  });

  app.post(paths.refresh, async (request, reply) => {
    const refreshed = await sessions.refresh(request.cookies[cookieName] ?? '');
    if (refreshed.outcome === 'unknown' || refreshed.outcome === 'reused') {
      if (refreshed.outcome === 'reused') {
        request.log.warn({ user: refreshed.user.id }, 'a refresh token was used twice');
      }
      reply.clearCookie(cookieName, cookie);
      throw new ProblemError('unauthorized', 'Please log in.');
    }
    if (refreshed.outcome === 'rotated') giveCookie(reply, refreshed.token);
    return session(refreshed.user);
  });

  app.delete(paths.session, async (request, reply) => {
    await sessions.end(request.cookies[cookieName] ?? '');
    return reply.clearCookie(cookieName, cookie).code(204).send();
  });
}

/** The user that a request's bearer token names. @throws ProblemError `unauthorized` */
export function userOf(request: FastifyRequest, tokens: AccessTokens): Promise<User> {
  const [, token] = /^Bearer ([\w.-]+)$/.exec(request.headers.authorization ?? '') ?? [];
  return tokens.verify(token);
}
