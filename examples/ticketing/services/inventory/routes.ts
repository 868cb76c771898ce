import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { api } from '../../api.ts';
import { audit } from '../audit.ts';
import type { AccessTokens } from '../auth/access-token.ts';
import { bind } from '../route.ts';
import type { AvailabilityFeed } from './availability.ts';
import type { Holds } from './holds.ts';
import type { Pools } from './pools.ts';

export type InventoryDeps = {
  holds: Holds;
  availability: AvailabilityFeed;
  pools: Pools;
  database: Pool;
  tokens: AccessTokens;
};

export function inventoryRoutes(app: FastifyInstance, deps: InventoryDeps): void {
  const { holds, availability, pools, database, tokens } = deps;

  bind(app, tokens, api.readAvailability, ({ params }) => availability.snapshot(params.slug));

  bind(app, tokens, api.hold, ({ body, user }) => holds.hold(body, user.id));

  bind(app, tokens, api.readHold, ({ params, user }) => holds.read(params.id, user.id));

  bind(app, tokens, api.extendHold, ({ params, user }) => holds.extend(params.id, user.id));

  bind(app, tokens, api.changeSale, async ({ params, body, user }) => {
    const pool = await pools.of(params.slug);
    await (body.paused ? pool.pause() : pool.resume());
    const action = body.paused ? 'sale.pause' : 'sale.resume';
    await audit(database, { actor: user.id, action, subject: params.slug });
    return body;
  });

  bind(app, tokens, api.releaseHold, async ({ params, user }) => {
    await holds.release(params.id, user.id);
    return undefined;
  });
}
