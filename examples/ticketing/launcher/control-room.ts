/**
 * The control room's server side, for a demo only: who has its token may break the shop and see it
 * proven whole. It listens on 127.0.0.1, on a port of its own, beside the shop and not inside it.
 *
 * | route | |
 * |---|---|
 * | GET /control | the page; it holds nothing by itself |
 * | GET /control/source/... | the files that the page's captions name |
 * | /control/ws | everything else: a `ControlMessage` a second, `ControlRequest`s; the token comes first |
 * | POST /control/chaos/:name { forMs? } | for scripts: 200 ChaosReport, 404, 409 when it is not ours to break |
 * | POST /control/heal, /control/verify | takes everything back; proves the sale by SQL and the provider's books |
 *
 * The POSTs want `Authorization: Bearer <token>`.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import staticFiles from '@fastify/static';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { z } from 'zod';
import type { Charges } from '../services/fake-psp/charges.ts';
import { contentSecurityPolicy } from '../services/http-server.ts';
import {
  Chaos,
  type ChaosName,
  chaosNames,
  descriptions,
  NotOursError,
  type OwnRedis,
} from './chaos.ts';
import { ControlSockets } from './control-sockets.ts';
import { Crowd } from './crowd.ts';
import type { Shop } from './shop.ts';
import { verifySale } from './verify-sale.ts';

export type ControlRoomOptions = {
  shop: Shop;
  database: Pool;
  /** undefined when it is somebody else's */
  redis: OwnRedis | undefined;
  /** at least 16 characters */
  token: string;
  /** people of a rush; default 5,000 */
  rushOf?: number;
};

const chaosSchema = z.object({ forMs: z.number().int().min(100).max(600_000).default(15_000) });
const example = fileURLToPath(new URL('../', import.meta.url));
const pages = `${example}web/dist/`;
const sources = new Set(Object.values(descriptions).map(({ file }) => file));

export function controlRoom(options: ControlRoomOptions): FastifyInstance {
  const { shop, database, redis, token, rushOf } = options;
  if (token.length < 16) throw new RangeError('Expected `token` to have at least 16 characters');
  const app = Fastify({ forceCloseConnections: true });
  const crowd = new Crowd({ shop, database, say: (text) => sockets.say(text) });
  const onOver = (name: ChaosName) =>
    sockets.say(`${descriptions[name].title}: taken back.`, { kind: 'over' });
  const chaos = new Chaos({ shop, redis, crowd, rushOf, onOver });
  const verify = async () => {
    const answer = await fetch(`${shop.pspUrl}/stats`);
    const { captured } = (await answer.json()) as ReturnType<Charges['stats']>;
    const proofs = await verifySale(database, captured);
    return { holds: proofs.every(({ holds }) => holds), proofs };
  };
  const isToken = (given: string) => same(given, token);
  const sockets = new ControlSockets({ shop, chaos, crowd, verify, isToken });

  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'content-security-policy': contentSecurityPolicy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
    if (request.method === 'GET' || request.method === 'HEAD') return;
    const [, given = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    if (!isToken(given)) {
      return reply.code(401).send({ error: 'The control room opens to its token only.' });
    }
  });
  app.addHook('onReady', async () => sockets.open(app.server));
  app.addHook('preClose', async () => {
    await sockets.close();
    await crowd.close();
    await chaos.heal();
  });
  app.setErrorHandler((error, _request, reply) => {
    const status = error instanceof NotOursError ? 409 : error instanceof z.ZodError ? 400 : 500;
    return reply.code(status).send({ error: (error as Error).message });
  });

  if (existsSync(`${pages}control.html`)) {
    app.register(staticFiles, { root: pages });
    app.get('/control', (_request, reply) => reply.sendFile('control.html'));
  }
  app.get<{ Params: { '*': string } }>('/control/source/*', async ({ params }, reply) => {
    const file = params['*'];
    if (!sources.has(file)) return reply.code(404).send({ error: 'There is no such file here.' });
    return reply.type('text/plain; charset=utf-8').send(await readFile(example + file, 'utf8'));
  });
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
  app.post('/control/verify', verify);
  return app;
}

/** In a time that tells nothing about how much of it is right. */
function same(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
