/**
 * A stand-in for an e-mail provider; it belongs to no product.
 *
 * | route | |
 * |---|---|
 * | POST /messages (Idempotency-Key) | 202; a key that was used is the same message, not another |
 * | GET /messages, /stats | what it has sent, for tests that count |
 * | PUT /faults { latencyMs?, errorRate?, isDown? } | how badly it behaves from now on |
 */
import Fastify, { type FastifyInstance } from 'fastify';
import { z } from 'zod';
import { Faults, faultsSchema } from '../stand-in/faults.ts';

const messageSchema = z.object({
  to: z.email(),
  subject: z.string().min(1).max(300),
  text: z.string().min(1).max(20_000),
});
export type SentMessage = z.infer<typeof messageSchema> & { key: string; at: string };
export type MailStats = { requests: number; sent: number; replays: number };

export function fakeMail(options: { latencyMs: number; random?: () => number }): FastifyInstance {
  const app = Fastify({ forceCloseConnections: true });
  const settings = { latencyMs: options.latencyMs, errorRate: 0, isDown: false };
  const faults = new Faults(settings, options.random);
  faults.routes(app, faultsSchema.partial().strict());
  const sent = new Map<string, SentMessage>();
  let requests = 0;

  app.post('/messages', async (request, reply) => {
    requests += 1;
    const key = z.string().min(1).parse(request.headers['idempotency-key']);
    const message = messageSchema.parse(request.body);
    await faults.around(() => {
      if (!sent.has(key)) sent.set(key, { ...message, key, at: new Date().toISOString() });
    });
    return reply.code(202).send({ id: key });
  });

  app.get('/messages', async () => [...sent.values()]);
  app.get('/stats', async (): Promise<MailStats> => {
    return { requests, sent: sent.size, replays: requests - sent.size };
  });
  return app;
}
