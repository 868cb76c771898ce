/** catalog: events, prices and halls, from the caches when they can. */
import { paths } from '../../addresses.ts';
import { insist } from '../insist.ts';
import type { OpenService } from '../service.ts';
import { pageEdge } from './edge.ts';
import { catalogRoutes } from './routes.ts';
import { firstNight, seed } from './seed.ts';

export const openCatalog: OpenService<'catalog'> = async ({ config, host, log }) => {
  await insist(() => seed(host.database));
  // the first visitor finds the page in the cache
  await insist(() => host.catalog.warm(firstNight.slug));
  const edge = pageEdge(config.EDGE_URLS ?? [], log);
  return {
    routes: (app) => {
      const { catalog, database, tokens } = host;
      catalogRoutes(app, { catalog, database, tokens, edge });
    },
    warmUp: (call) => call(paths.event(firstNight.slug)),
    phases: { caches: [() => edge.close()] },
  };
};
