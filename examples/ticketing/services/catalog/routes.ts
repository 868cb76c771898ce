import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { api } from '../../api.ts';
import type { AccessTokens } from '../auth/access-token.ts';
import { ProblemError } from '../problem.ts';
import { bind } from '../route.ts';
import type { Catalog } from './catalog.ts';
import { changePrice } from './change-price.ts';
import { insertEvent } from './insert-event.ts';

export type CatalogDeps = { catalog: Catalog; database: Pool; tokens: AccessTokens };

export function catalogRoutes(app: FastifyInstance, deps: CatalogDeps): void {
  const { catalog, database, tokens } = deps;

  bind(app, tokens, api.listEvents, async () => ({ events: await catalog.list() }));

  bind(app, tokens, api.readEvent, async ({ params }) => ({
    ...(await catalog.event(params.slug)),
    serverNow: new Date().toISOString(),
  }));

  bind(app, tokens, api.createEvent, async ({ body: event, user }) => {
    if (!(await insertEvent(database, event, user.id))) {
      throw new ProblemError('conflict', 'There is an event of this name already.');
    }
    await catalog.forget(event.slug);
    return event;
  });

  bind(app, tokens, api.changePrice, async ({ params, body, user }) => {
    await changePrice(database, { ...params, ...body, actor: user.id });
    await catalog.forget(params.slug);
    return { ...(await catalog.event(params.slug)), serverNow: new Date().toISOString() };
  });
}
