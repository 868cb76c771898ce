/**
 * The cache in front of everything: what it may keep of the catalog, for how long, and what it must drop at a
 * change. A page of an event carries the server's time, so it is kept for a second: at a thousand visitors a
 * second that is one call of a thousand.
 */
import { EdgeCache, edgeHook, varnishPurge } from '@evenkeel/tiered-cache/edge';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';

const ttlMs = { events: 60_000, event: 1_000 };

export type PageEdge = ReturnType<typeof pageEdge>;

/** `urls`: the Varnishes that are to drop what has changed; there may be none. */
export function pageEdge(urls: readonly string[], log: Logger) {
  const edge = new EdgeCache({ vendor: 'varnish', purge: varnishPurge(urls) });
  edge.on('purgeFailed', ({ error, tries }) => log.warn({ err: error, tries }, 'purge failed'));
  const hook = edgeHook(edge);
  const kept = new WeakSet<object>();
  return {
    /** The answer to this request is the same for everybody. */
    keep({ raw }: FastifyRequest, what: keyof typeof ttlMs, slug?: string): void {
      kept.add(raw);
      const tags = slug === undefined ? ['events'] : [`event:${slug}`];
      edge.mark(raw, { tags, ttlMs: ttlMs[what], public: true });
    },
    /** After the caches have forgotten it; a Varnish that does not hear of it is asked again. */
    forget(slug: string): void {
      edge.purge(['events', `event:${slug}`]).catch(() => undefined);
    },
    onSend: async (request: FastifyRequest, reply: FastifyReply, payload: unknown) =>
      kept.has(request.raw) ? hook(request, reply, payload) : payload,
    close: () => edge.close(),
  };
}
