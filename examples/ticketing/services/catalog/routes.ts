import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { api } from '../../api.ts';
import type { AccessTokens } from '../auth/access-token.ts';
import { ProblemError } from '../problem.ts';
import { bind } from '../route.ts';
import type { Catalog } from './catalog.ts';
import { changePrice } from './change-price.ts';
import type { PageEdge } from './edge.ts';
import { insertEvent } from './insert-event.ts';

export type CatalogDeps = {
  catalog: Catalog;
  database: Pool;
  tokens: AccessTokens;
  edge: PageEdge;
};

export function catalogRoutes(app: FastifyInstance, deps: CatalogDeps): void {
  const { catalog, database, tokens, edge } = deps;

  app.addHook('onSend', edge.onSend);

  bind(app, tokens, api.listEvents, async ({ request }) => {
    const events = await catalog.list();
    edge.keep(request, 'events');
    return { events };
  });

  bind(app, tokens, api.readEvent, async ({ params, request }) => {
    const event = await catalog.event(params.slug);
    edge.keep(request, 'event', event.slug);
    return { ...event, serverNow: new Date().toISOString() };
  });

  const forget = async (slug: string) => {
    await catalog.forget(slug);
    edge.forget(slug);
  };

  bind(app, tokens, api.createEvent, async ({ body: event, user }) => {
    if (!(await insertEvent(database, event, user.id))) {
      throw new ProblemError('conflict', 'There is an event of this name already.');
    }
    await forget(event.slug);
    return event;
  });

  bind(app, tokens, api.changePrice, async ({ params, body, user }) => {
    await changePrice(database, { ...params, ...body, actor: user.id });
    await forget(params.slug);
    return { ...(await catalog.event(params.slug)), serverNow: new Date().toISOString() };
  });
}
