import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import staticFiles from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { ProblemError } from '../problem.ts';

const root = fileURLToPath(new URL('../../web/dist/', import.meta.url));

/** Serves the built pages. Names of assets carry their hash, so browsers keep those for ever. */
export async function servePages(app: FastifyInstance): Promise<void> {
  const built = existsSync(`${root}index.html`);
  if (built) {
    await app.register(staticFiles, {
      root,
      // else what is set below is overwritten
      cacheControl: false,
      setHeaders(reply, path) {
        const forever = path.includes('/assets/');
        reply.setHeader(
          'cache-control',
          forever ? 'public, max-age=31536000, immutable' : 'no-cache',
        );
        // for the cache in front: a shop that is away for a moment still has its pages
        reply.setHeader(
          'surrogate-control',
          forever ? 'max-age=31536000' : 'max-age=5, stale-while-revalidate=3600',
        );
      },
    });
    app.get('/events/:slug', (_request, reply) => reply.sendFile('index.html'));
    for (const page of ['organiser', 'scanner']) {
      app.get(`/${page}`, (_request, reply) => reply.sendFile(`${page}.html`));
    }
  } else {
    app.get('/', () => {
      throw new ProblemError('not_found', 'The pages are not built: npm run build.');
    });
  }
}
