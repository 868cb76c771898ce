/** Sends calls of the API on to the service that answers them, when it lives in another process. */
import type { FastifyInstance } from 'fastify';
import { Pool } from 'undici';
import { api } from '../../api.ts';
import type { ApiService, Route } from '../../api-route.ts';
import { ProblemError } from '../problem.ts';
import { traceContext } from '../tracing.ts';

export type Upstream = { service: ApiService; url: string };

/** What belongs to one connection and not to the message. @see RFC 9110, section 7.6.1 */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'host',
  'content-length',
]);

/** Answers are passed on as they come; a service that is away or silent is a 503 of ours. */
export function forward(upstream: Upstream, timeoutMs: number) {
  const pool = new Pool(upstream.url, {
    connections: 128,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connectTimeout: 2_000,
  });
  const routes = (Object.values(api) as Route[]).filter(
    ({ service }) => service === upstream.service,
  );
  return {
    routes(app: FastifyInstance): void {
      for (const { method, path, bodyLimit } of routes) {
        app.route({
          method,
          url: path,
          ...(bodyLimit ? { bodyLimit } : {}),
          handler: async (request, reply) => {
            const headers = passedOn(request.headers);
            headers['x-forwarded-for'] = request.ip;
            headers['x-forwarded-proto'] = request.protocol;
            Object.assign(headers, traceContext());
            headers['x-forwarded-host'] = request.host;
            const answer = await pool
              .request({
                method,
                path: request.url,
                headers,
                // byte for byte: signatures are made over bytes
                body: request.rawBody ?? null,
              })
              .catch((cause) => {
                request.log.warn({ err: cause, service: upstream.service }, 'service is away');
                throw unavailable(cause);
              });
            return reply
              .code(answer.statusCode)
              .headers(passedOn(answer.headers))
              .send(answer.body);
          },
        });
      }
    },
    close: () => pool.close(),
  };
}

function passedOn(headers: Record<string, string | string[] | undefined>) {
  const passed: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !hopByHop.has(name)) passed[name] = value;
  }
  return passed;
}

function unavailable(cause: unknown): ProblemError {
  const message = 'A part of the ticket office is away. Please try again in a moment.';
  const error = new ProblemError('unavailable', message, { retryAfterMs: 1_000 });
  error.cause = cause;
  return error;
}
