/**
 * A stand-in for a payment provider; it belongs to no product.
 *
 * | route | |
 * |---|---|
 * | POST /charges (Idempotency-Key) | authorise: 201 charge, 402 declined, after the latency |
 * | POST /charges/:id/capture, /void, /refund | 200 charge, 409 |
 * | GET /charges, /stats | the books, for tests that count |
 * | PUT /faults { latencyMs?, errorRate? } | how badly it behaves from now on |
 */
import { setTimeout as sleep } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type Charge, Charges, type Move, PspError } from './charges.ts';

const chargeSchema = z.object({
  reference: z.string().min(1),
  amountCents: z.number().int().positive(),
  currency: z.string().length(3),
  card: z.string().min(1),
});
const faultsSchema = z
  .object({
    latencyMs: z.number().int().min(0).max(600_000),
    errorRate: z.number().min(0).max(1),
  })
  .partial()
  .strict();

export type FakePspOptions = {
  latencyMs: number;
  /** share of requests answered 500; half of those have done their work before */
  errorRate: number;
  random?: () => number;
};

export function fakePsp(options: FakePspOptions): FastifyInstance {
  const app = Fastify({ forceCloseConnections: true });
  const charges = new Charges();
  const faults = { latencyMs: options.latencyMs, errorRate: options.errorRate };
  const random = options.random ?? Math.random;

  /** A failing provider is worst when it has done the work and only its answer is lost. */
  function failSometimes<T>(work: () => T): T {
    const fails = random() < faults.errorRate;
    if (fails && random() < 0.5) throw new PspError(500, 'Internal error');
    const result = work();
    if (fails) throw new PspError(500, 'Internal error');
    return result;
  }

  app.setErrorHandler((error, _request, reply) => {
    const status =
      error instanceof PspError ? error.status : error instanceof z.ZodError ? 400 : 500;
    return reply.code(status).send({ error: (error as Error).message });
  });

  app.post('/charges', async (request, reply) => {
    const key = z.string().min(1).parse(request.headers['idempotency-key']);
    const body = chargeSchema.parse(request.body);
    // the work goes on when the caller hangs up, as a real provider's does
    await sleep(faults.latencyMs);
    const charge = failSometimes(() => charges.create(key, body));
    return reply.code(charge.state === 'declined' ? 402 : 201).send(charge);
  });

  for (const move of ['capture', 'void', 'refund'] satisfies Move[]) {
    app.post<{ Params: { id: string } }>(
      `/charges/:id/${move}`,
      async ({ params }): Promise<Charge> => failSometimes(() => charges.move(params.id, move)),
    );
  }

  app.get('/ready', async () => ({ status: 'pass' }));
  app.get('/charges', async () => charges.list());
  app.get('/stats', async () => charges.stats());
  app.put('/faults', async (request) => Object.assign(faults, faultsSchema.parse(request.body)));
  return app;
}
