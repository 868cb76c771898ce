/** Binds a handler to an entry of `api.ts`: input is checked before it runs, whoever calls is known. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { AnswerOf, InputOf, Route } from '../api-route.ts';
import type { Caller } from '../contract.ts';
import type { AccessTokens } from './auth/access-token.ts';
import { ProblemError, parse } from './problem.ts';

export type Call<R extends Route> = InputOf<R> & { request: FastifyRequest; reply: FastifyReply };

/** `tokens` may be missing only where every route is for anybody. */
export function bind<R extends Route>(
  app: FastifyInstance,
  tokens: AccessTokens | undefined,
  route: R,
  handler: (call: Call<R>) => Promise<AnswerOf<R>>,
): void {
  app.route({
    method: route.method,
    url: route.path,
    ...(route.bodyLimit ? { bodyLimit: route.bodyLimit } : {}),
    handler: async (request, reply) => {
      if (route.cookie) refuseOtherSites(request);
      const user = await caller(request, tokens, route);
      const call = {
        params: route.params && whatThePathNames(route.params, request.params),
        query: route.query && parse(route.query, request.query),
        body: route.body && parse(route.body, request.body),
        user,
        request,
        reply,
      };
      const answer = await handler(call as unknown as Call<R>);
      return reply.code(route.status).send(answer);
    },
  });
}

/**
 * The session cookie is SameSite=Strict already; this holds for browsers that know no such thing, and
 * for a log-in that another site would like to do for its visitor. @throws ProblemError `forbidden`
 */
function refuseOtherSites({ headers, host }: FastifyRequest): void {
  const site = headers['sec-fetch-site'];
  const { origin } = headers;
  const isOurs =
    (site === undefined || site === 'same-origin' || site === 'none') &&
    (origin === undefined || (URL.canParse(origin) && new URL(origin).host === host));
  if (!isOurs) throw new ProblemError('forbidden', 'Sessions are opened by our own pages only.');
}

/** @throws ProblemError `unauthorized`, or `forbidden` for the wrong role */
async function caller(
  request: FastifyRequest,
  tokens: AccessTokens | undefined,
  { access }: Route,
): Promise<Caller | undefined> {
  if (access === 'anybody' || !tokens) return undefined;
  const [, token] = /^Bearer ([\w.-]+)$/.exec(request.headers.authorization ?? '') ?? [];
  const user = await tokens.verify(token);
  // an organiser may stand at the door
  const may = access === 'user' || user.role === access || user.role === 'organiser';
  if (may) return user;
  throw new ProblemError('forbidden', `This is for ${access}s only.`);
}

/** A path that cannot name anything names nothing. @throws ProblemError `not_found` */
function whatThePathNames(schema: z.ZodType, params: unknown): unknown {
  const result = schema.safeParse(params);
  if (result.success) return result.data;
  throw new ProblemError('not_found', 'There is no such thing.');
}
