import type { FastifyInstance } from 'fastify';
import { api } from '../../api.ts';
import type { AccessTokens } from '../auth/access-token.ts';
import { bind } from '../route.ts';
import type { Catalog } from './catalog.ts';

export type CatalogDeps = { catalog: Catalog; tokens: AccessTokens };

export function catalogRoutes(app: FastifyInstance, { catalog, tokens }: CatalogDeps): void {
  bind(app, tokens, api.listEvents, async () => ({ events: await catalog.list() }));

  bind(app, tokens, api.readEvent, async ({ params }) => ({
    ...(await catalog.event(params.slug)),
    serverNow: new Date().toISOString(),
  }));
}
