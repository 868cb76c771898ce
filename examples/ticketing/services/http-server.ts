/** The HTTP server: what holds for every request, whatever its route. */
import cookie from '@fastify/cookie';
import Fastify, { type FastifyError, type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import type { Problem } from '../contract.ts';
import { openApiDocument } from './openapi.ts';
import { ProblemError, toProblem } from './problem.ts';

/** The pages load nothing from elsewhere, so nothing from elsewhere may run or be talked to. */
export const contentSecurityPolicy = [
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

const document = openApiDocument();

declare module 'fastify' {
  interface FastifyRequest {
    /** the JSON as it came; undefined without one */
    rawBody: string | undefined;
  }
}

export async function httpServer(options: {
  log: Logger;
  /** proxies of ours in front, see TRUST_PROXY */
  trustProxy: number;
  https: boolean;
}): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: options.log,
    // a line for each request and each answer costs more than the requests themselves
    logController: new LogController({ disableRequestLogging: true }),
    // the address is the last one that a proxy of ours has added, never what a client wrote itself
    trustProxy: (_address, hop) => hop < options.trustProxy,
    bodyLimit: 16 * 1024,
    requestTimeout: 15_000,
  }) as unknown as FastifyInstance;
  await app.register(cookie);
  app.decorateRequest('rawBody', undefined);

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
    // what may be kept says so itself
    if (request.url.startsWith('/api/') && !reply.hasHeader('cache-control')) {
      reply.header('cache-control', 'no-store');
    }
  });

  // only JSON is read
  app.removeContentTypeParser('text/plain');
  // an empty body is no body: DELETE with a content type is common and harmless
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') return done(null, undefined);
    request.rawBody = String(body);
    try {
      done(null, JSON.parse(String(body)));
    } catch {
      const fields = { body: 'is not JSON' };
      done(new ProblemError('invalid_input', 'The request is not valid JSON.', { fields }));
    }
  });

  app.setErrorHandler((error: FastifyError | ProblemError, request, reply) => {
    const { status, problem } = toProblem(error);
    // a refusal of ours is counted by its status: in a rush a stack for each takes the time of answers that could still be given
    if (status >= 500 && !(error instanceof ProblemError)) {
      request.log.error({ err: error }, 'request failed');
    }
    if (problem.retryAfterMs !== undefined) {
      reply.header('retry-after', Math.ceil(problem.retryAfterMs / 1000));
    }
    return reply.code(status).send(problem);
  });
  app.setNotFoundHandler((_request, reply) => {
    const problem: Problem = { code: 'not_found', message: 'There is no such route.' };
    return reply.code(404).send(problem);
  });
  app.get('/openapi.json', () => document);
  return app;
}
