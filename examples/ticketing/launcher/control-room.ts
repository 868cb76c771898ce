/**
 * The control room's server side, for a demo only: who has its token may break the shop and see it
 * proven whole. It listens on 127.0.0.1, on a port of its own, beside the shop and not inside it.
 *
 * | route (`Authorization: Bearer <token>`) | |
 * |---|---|
 * | GET /control | what can be done, the processes, the provider's books |
 * | POST /control/chaos/:name { forMs? } | does it; 200 ChaosReport, 404, 409 when it is not ours to break |
 * | POST /control/heal | takes everything back |
 * | POST /control/verify | SQL and the provider's books: 200 { holds, proofs } |
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { z } from 'zod';
import type { Charges } from '../services/fake-psp/charges.ts';
import { Chaos, chaosNames, NotOursError, type OwnRedis } from './chaos.ts';
import type { Shop } from './shop.ts';
import { verifySale } from './verify-sale.ts';

export type ControlRoomOptions = {
  shop: Shop;
  database: Pool;
  /** undefined when it is somebody else's */
  redis: OwnRedis | undefined;
  /** at least 16 characters */
  token: string;
};

const chaosSchema = z.object({ forMs: z.number().int().min(100).max(600_000).default(15_000) });

export function controlRoom({ shop, database, redis, token }: ControlRoomOptions): FastifyInstance {
  if (token.length < 16) throw new RangeError('Expected `token` to have at least 16 characters');
  const app = Fastify({ forceCloseConnections: true });
  const chaos = new Chaos({ shop, redis });
  const books = async () =>
    (await (await fetch(`${shop.pspUrl}/stats`)).json()) as ReturnType<Charges['stats']>;

  app.addHook('onRequest', async (request, reply) => {
    if (!same(request.headers.authorization ?? '', `Bearer ${token}`)) {
      return reply.code(401).send({ error: 'The control room opens to its token only.' });
    }
  });
  app.addHook('onClose', () => chaos.heal());
  app.setErrorHandler((error, _request, reply) => {
    const status = error instanceof NotOursError ? 409 : error instanceof z.ZodError ? 400 : 500;
    return reply.code(status).send({ error: (error as Error).message });
  });

  app.get('/control', async () => ({
    chaos: chaosNames,
    processes: shop.processes.map(({ name, pid }) => ({ name, pid: pid ?? null })),
    provider: await books(),
  }));
  app.post<{ Params: { name: string } }>(
    '/control/chaos/:name',
    async ({ params, body }, reply) => {
      const name = chaosNames.find((known) => known === params.name);
      if (!name) return reply.code(404).send({ error: `Expected one of ${chaosNames.join(', ')}` });
      return chaos.do(name, chaosSchema.parse(body ?? {}).forMs);
    },
  );
  app.post('/control/heal', async () => {
    await chaos.heal();
    return { healed: true };
  });
  app.post('/control/verify', async () => {
    const proofs = await verifySale(database, (await books()).captured);
    return { holds: proofs.every(({ holds }) => holds), proofs };
  });
  return app;
}

/** In a time that tells nothing about how much of it is right. */
function same(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
