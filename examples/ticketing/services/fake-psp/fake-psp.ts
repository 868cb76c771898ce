/**
 * A stand-in for a payment provider; it belongs to no product.
 *
 * | route | |
 * |---|---|
 * | POST /charges (Idempotency-Key) | authorise: 201 charge, 402 declined, after the latency |
 * | POST /charges/:id/capture, /void, /refund | 200 charge, 409 |
 * | GET /charges, /stats | the books, for tests that count |
 * | PUT /faults { latencyMs?, errorRate?, isDown?, isLockedOut?, takesNothing?, isVoidedAtOnce?, duplicateRate?, isOutOfOrder? } | how badly it behaves from now on |
 *
 * It tells what becomes of a charge by signed webhooks, again until somebody has heard.
 */
import Fastify, { type FastifyInstance } from 'fastify';
import { z } from 'zod';
import { Faults, faultsSchema, StandInError } from '../stand-in/faults.ts';
import { type Charge, Charges, type Move } from './charges.ts';
import { type WebhookOptions, Webhooks } from './webhooks.ts';

const chargeSchema = z.object({
  reference: z.string().min(1),
  amountCents: z.number().int().positive(),
  currency: z.string().length(3),
  card: z.string().min(1),
});
const switches = faultsSchema
  .extend({
    /** the shop's key is worth nothing: every charge is refused, and asking again does not help */
    isLockedOut: z.boolean(),
    /** money is reserved, and none is taken: the shop's account is closed */
    takesNothing: z.boolean(),
    /** somebody lets go of the money by hand as soon as it is reserved */
    isVoidedAtOnce: z.boolean(),
    /** share of webhooks that are sent twice */
    duplicateRate: z.number().min(0).max(1),
    /** each webhook waits for the one after it, for a second at most */
    isOutOfOrder: z.boolean(),
  })
  .partial()
  .strict();

export type FakePspOptions = {
  latencyMs: number;
  errorRate: number;
  /** where webhooks go; without it there are none */
  webhooks?: WebhookOptions;
  random?: () => number;
};

export function fakePsp(options: FakePspOptions): FastifyInstance {
  const app = Fastify({ forceCloseConnections: true });
  const { latencyMs, errorRate } = options;
  const settings = {
    latencyMs,
    errorRate,
    isDown: false,
    isLockedOut: false,
    takesNothing: false,
    isVoidedAtOnce: false,
    duplicateRate: 0,
    isOutOfOrder: false,
  };
  const faults = new Faults(settings, options.random);
  const webhooks = options.webhooks && new Webhooks(options.webhooks, settings, options.random);
  const charges = new Charges((charge) => webhooks?.tell(charge));
  faults.routes(app, switches);
  app.addHook('onClose', async () => webhooks?.close());

  app.post('/charges', async (request, reply) => {
    const key = z.string().min(1).parse(request.headers['idempotency-key']);
    const body = chargeSchema.parse(request.body);
    const charge = await faults.around(() => {
      if (settings.isLockedOut) throw new StandInError(403, 'This key was withdrawn.');
      const made = charges.create(key, body);
      const isHasty = settings.isVoidedAtOnce && made.state === 'authorised';
      return isHasty ? charges.move(made.id, 'void') : made;
    });
    return reply.code(charge.state === 'declined' ? 402 : 201).send(charge);
  });

  // these are quick even when authorising is slow: no bank is asked
  const quick = new Faults({ ...settings, latencyMs: 0 }, options.random);
  for (const move of ['capture', 'void', 'refund'] satisfies Move[]) {
    app.post<{ Params: { id: string } }>(`/charges/:id/${move}`, async ({ params }) => {
      quick.settings.errorRate = settings.errorRate;
      return quick.around((): Charge => {
        if (settings.takesNothing && move === 'capture') {
          throw new StandInError(403, 'This account is closed.');
        }
        return charges.move(params.id, move);
      });
    });
  }

  app.get('/charges', async () => charges.list());
  app.get('/stats', async () => charges.stats());
  return app;
}
