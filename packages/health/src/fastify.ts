import type { Health } from './health.ts';
import { answerProbe, type ProbeAnswer } from './probe-answer.ts';

/** What the plugin calls of a Fastify instance. */
export interface FastifyLike {
  get(
    path: string,
    options: { readonly logLevel: 'warn' },
    handler: (request: FastifyRequestLike, reply: FastifyReplyLike) => Promise<unknown>,
  ): unknown;
}

/** What the plugin reads of a Fastify request. */
export interface FastifyRequestLike {
  readonly params: unknown;
  readonly headers: { readonly authorization?: string | undefined };
}

/** What the plugin calls of a Fastify reply. */
export interface FastifyReplyLike {
  code(statusCode: number): unknown;
  headers(headers: Record<string, string>): unknown;
  send(body: string): unknown;
}

/**
 * A Fastify plugin: `fastify.register(fastifyHealth(health))` serves GET `/live`, `/ready`, `/startup`, `/health` and
 * `/health/:group`. Fastify's own `prefix` option moves them; probes are logged from `warn` upwards only.
 */
export function fastifyHealth(health: Health): (fastify: FastifyLike) => Promise<void> {
  return async (fastify) => {
    const quiet = { logLevel: 'warn' } as const;
    for (const path of ['/live', '/ready', '/startup', '/health']) {
      fastify.get(path, quiet, (request, reply) =>
        send(reply, answerProbe(health, path, request.headers.authorization)),
      );
    }
    fastify.get('/health/:group', quiet, (request, reply) => {
      const { group } = request.params as { group: string };
      return send(reply, answerProbe(health, `/health/${group}`, request.headers.authorization));
    });
  };
}

async function send(reply: FastifyReplyLike, pending: Promise<ProbeAnswer> | undefined) {
  const answer = await pending;
  if (answer === undefined) return reply;
  reply.code(answer.statusCode);
  reply.headers({ ...answer.headers });
  return reply.send(answer.body);
}
