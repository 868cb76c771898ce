/** The HTTP server: what holds for every request, whatever its route. */
import cookie from '@fastify/cookie';
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Problem } from '../../contract.ts';
import { ProblemError } from '../problem.ts';

/** The pages load nothing from elsewhere, so nothing from elsewhere may run or be talked to. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

export async function httpServer(options: {
  log: Logger;
  trustProxy: boolean;
  https: boolean;
}): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: options.log,
    // a line for each request and each answer costs more than the requests themselves
    disableRequestLogging: true,
    trustProxy: options.trustProxy,
    bodyLimit: 16 * 1024,
    requestTimeout: 15_000,
  }) as unknown as FastifyInstance;
  await app.register(cookie);

  app.addHook('onSend', async (request, reply) => {
    reply.headers({
      'content-security-policy': contentSecurityPolicy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'permissions-policy': 'camera=(), geolocation=(), microphone=()',
    });
    if (options.https) {
      reply.header('strict-transport-security', 'max-age=31536000; includeSubDomains');
    }
    if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store');
  });

  // an empty body is no body: DELETE with a content type is common and harmless
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    if (body === '') return done(null, undefined);
    try {
      done(null, JSON.parse(String(body)));
    } catch {
      const fields = { body: 'is not JSON' };
      done(new ProblemError('invalid_input', 'The request is not valid JSON.', { fields }));
    }
  });

  app.setErrorHandler((error: FastifyError | ProblemError, request, reply) => {
    const { status, problem } = toProblem(error);
    if (status >= 500) request.log.error({ err: error }, 'request failed');
    if (problem.retryAfterMs !== undefined) {
      reply.header('retry-after', Math.ceil(problem.retryAfterMs / 1000));
    }
    return reply.code(status).send(problem);
  });
  return app;
}

/** What a client is told of an error; of one that is ours it is told nothing but to come back. */
export function toProblem(error: unknown): { status: number; problem: Problem } {
  if (error instanceof ProblemError) return error;
  const { statusCode = 500, message = '' } = error as Partial<FastifyError>;
  if (statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, problem: { code: 'invalid_input', message } };
  }
  const problem: Problem = {
    code: 'unavailable',
    message: 'Something went wrong on our side. Please try again in a moment.',
    retryAfterMs: 1_000,
  };
  return { status: 503, problem };
}
