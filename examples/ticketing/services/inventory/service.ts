/** inventory: who holds which seat, and how many are left. */
import type { OpenService } from '../service.ts';
import { AvailabilityFeed } from './availability.ts';
import { Holds } from './holds.ts';
import { inventoryRoutes } from './routes.ts';
import { WaitingRooms } from './waiting-rooms.ts';

export const openInventory: OpenService<'inventory'> = async ({ config, host, log }) => {
  const { pools, catalog, database, redis, tokens, namespace } = host;
  const holds = new Holds({ pools, catalog, ttlMs: config.HOLD_TTL_MS });
  const availability = new AvailabilityFeed(pools);
  const secret = config.ACCESS_TOKEN_SECRET;
  const rooms = new WaitingRooms({ redis, pools, namespace, secret, log });
  await pools.openAll();
  for (const { slug } of await catalog.list()) {
    const event = await catalog.event(slug);
    if (event.hasWaitingRoom) rooms.of(event);
  }
  return {
    routes: (app) =>
      inventoryRoutes(app, { holds, availability, catalog, pools, rooms, database, tokens }),
    phases: { caches: [() => rooms.close()] },
  };
};
