/** inventory: who holds which seat, and how many are left. */
import { randomUUID } from 'node:crypto';
import { paths } from '../../addresses.ts';
import { firstNight } from '../catalog/seed.ts';
import type { OpenService } from '../service.ts';
import { AvailabilityFeed } from './availability.ts';
import { Holds } from './holds.ts';
import { inventoryRoutes } from './routes.ts';

export const openInventory: OpenService<'inventory'> = async ({ config, host }) => {
  const { pools, catalog, database, tokens, rooms } = host;
  const holds = new Holds({ pools, catalog, ttlMs: config.HOLD_TTL_MS, pulse: host.pulse });
  const availability = new AvailabilityFeed(pools);
  await host.openPools();
  for (const { slug } of await catalog.list()) {
    const event = await catalog.event(slug);
    if (event.hasWaitingRoom) rooms.of(event);
  }
  host.metrics.waitingRooms(rooms);
  return {
    async warmUp(call) {
      await call(paths.availability(firstNight.slug));
      await call(paths.waitingRoom(firstNight.slug));
      // a seat that no hall has
      const body = { id: randomUUID(), event: firstNight.slug, seats: ['A-0'] };
      await call(paths.holds, { body });
      await call(paths.hold(body.id));
    },
    routes: (app) =>
      inventoryRoutes(app, {
        holds,
        traces: host.holdTraces,
        availability,
        catalog,
        pools,
        rooms,
        database,
        tokens,
      }),
  };
};
