import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { api } from '../../api.ts';
import { audit } from '../audit.ts';
import type { AccessTokens } from '../auth/access-token.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { ProblemError } from '../problem.ts';
import { bind } from '../route.ts';
import type { AvailabilityFeed } from './availability.ts';
import { changeCapacity } from './capacity.ts';
import type { HoldTraces } from './hold-traces.ts';
import type { Holds } from './holds.ts';
import type { Pools } from './pools.ts';
import type { WaitingRooms } from './waiting-rooms.ts';

export type InventoryDeps = {
  holds: Holds;
  traces: HoldTraces;
  availability: AvailabilityFeed;
  catalog: Catalog;
  pools: Pools;
  rooms: WaitingRooms;
  database: Pool;
  tokens: AccessTokens;
};

export function inventoryRoutes(app: FastifyInstance, deps: InventoryDeps): void {
  const { holds, traces, availability, catalog, pools, rooms, database, tokens } = deps;

  bind(app, tokens, api.readAvailability, ({ params }) => availability.snapshot(params.slug));

  bind(app, tokens, api.hold, async ({ body, user }) => {
    const event = await catalog.event(body.event);
    rooms.admit(event, user.id, body.pass);
    const held = await holds.hold(body, user.id);
    rooms.makeRoom(event, user.id, body.pass);
    await traces.keep(held.id);
    return held;
  });

  bind(app, tokens, api.readWaitingRoom, async ({ params, reply }) => {
    const room = rooms.of(await catalog.event(params.slug));
    reply.header('cache-control', 'public, max-age=1');
    return room.status();
  });

  bind(app, tokens, api.joinWaitingRoom, async ({ params, user }) =>
    rooms.of(await catalog.event(params.slug)).join(user.id),
  );

  bind(app, tokens, api.enterSale, async ({ params, body, user }) => {
    const room = rooms.of(await catalog.event(params.slug));
    const admission = await room.enter(user.id, body.ticket);
    if (admission.status === 'refused') {
      throw new ProblemError('pass_needed', `This place is worth nothing: ${admission.reason}.`);
    }
    const nobody = { pass: null, expiresAt: null, position: 0, waitSeconds: null };
    return { ...nobody, ...admission };
  });

  bind(app, tokens, api.readHold, ({ params, user }) => holds.read(params.id, user.id));

  bind(app, tokens, api.extendHold, ({ params, user }) => holds.extend(params.id, user.id));

  bind(app, tokens, api.changeSale, async ({ params, body, user }) => {
    const pool = await pools.of(params.slug);
    await (body.paused ? pool.pause() : pool.resume());
    if (body.admitPerSecond !== undefined) {
      await database.query('update events set admit_per_second = $2 where slug = $1', [
        params.slug,
        body.admitPerSecond,
      ]);
      await catalog.forget(params.slug);
      const event = await catalog.event(params.slug);
      if (event.hasWaitingRoom) rooms.of(event);
    }
    const action = body.paused ? 'sale.pause' : 'sale.resume';
    await audit(database, { actor: user.id, action, subject: params.slug, details: body });
    return body;
  });

  bind(app, tokens, api.changeCapacity, async ({ params, body, user }) => {
    const change = { ...params, ...body, actor: user.id };
    return { sku: params.sku, seats: await changeCapacity({ database, pools }, change) };
  });

  bind(app, tokens, api.releaseHold, async ({ params, user }) => {
    await holds.release(params.id, user.id);
    return undefined;
  });
}
