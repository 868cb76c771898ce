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

  bind(app, tokens, api.createEvent, async ({ body: event, user }) => {
    await catalog.change(event.slug, async () => {
      if (await insertEvent(database, event, user.id)) return;
      throw new ProblemError('conflict', 'There is an event of this name already.');
    });
    edge.forget(event.slug);
    return event;
  });

  bind(app, tokens, api.changePrice, async ({ params, body, user }) => {
    const change = { ...params, ...body, actor: user.id };
    const event = await catalog.change(params.slug, () => changePrice(database, change));
    edge.forget(params.slug);
    return { ...event, serverNow: new Date().toISOString() };
  });
}
