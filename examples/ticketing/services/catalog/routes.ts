import type { FastifyInstance } from 'fastify';
import { paths } from '../../addresses.ts';
import type { EventPage } from '../../contract.ts';
import type { Catalog } from './catalog.ts';

export function catalogRoutes(app: FastifyInstance, catalog: Catalog): void {
  app.get<{ Params: { slug: string } }>(
    paths.event(':slug'),
    async (request): Promise<EventPage> => {
      const event = await catalog.event(request.params.slug);
      return { ...event, serverNow: new Date().toISOString() };
    },
  );
}
