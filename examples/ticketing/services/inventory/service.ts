/** inventory: who holds which seat, and how many are left. */
import type { OpenService } from '../service.ts';
import { AvailabilityFeed } from './availability.ts';
import { Holds } from './holds.ts';
import { inventoryRoutes } from './routes.ts';

export const openInventory: OpenService<'inventory'> = async ({ config, host }) => {
  const { pools, catalog, database, tokens, rooms } = host;
  const holds = new Holds({ pools, catalog, ttlMs: config.HOLD_TTL_MS });
  const availability = new AvailabilityFeed(pools);
  await pools.openAll();
  for (const { slug } of await catalog.list()) {
    const event = await catalog.event(slug);
    if (event.hasWaitingRoom) rooms.of(event);
  }
  host.metrics.waitingRooms(rooms);
  return {
    routes: (app) =>
      inventoryRoutes(app, { holds, availability, catalog, pools, rooms, database, tokens }),
  };
};
