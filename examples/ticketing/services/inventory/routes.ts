import type { FastifyInstance } from 'fastify';
import { api } from '../../api.ts';
import type { AccessTokens } from '../auth/access-token.ts';
import { bind } from '../route.ts';
import type { AvailabilityFeed } from './availability.ts';
import type { Holds } from './holds.ts';

export type InventoryDeps = {
  holds: Holds;
  availability: AvailabilityFeed;
  tokens: AccessTokens;
};

export function inventoryRoutes(app: FastifyInstance, deps: InventoryDeps): void {
  const { holds, availability, tokens } = deps;

  bind(app, tokens, api.readAvailability, ({ params }) => availability.snapshot(params.slug));

  bind(app, tokens, api.hold, ({ body, user }) => holds.hold(body, user.id));

  bind(app, tokens, api.readHold, ({ params, user }) => holds.read(params.id, user.id));

  bind(app, tokens, api.releaseHold, async ({ params, user }) => {
    await holds.release(params.id, user.id);
    return undefined;
  });
}
