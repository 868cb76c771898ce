import { defineJob } from '@evenkeel/async-jobs';
import { z } from 'zod';

/** What the worker needs to take the money and to decide; a card is the provider's token for one. */
const chargeSchema = z.object({
  orderId: z.uuid(),
  event: z.string(),
  hold: z.object({ id: z.uuid(), token: z.string() }),
  amountCents: z.number().int(),
  currency: z.string(),
  card: z.string(),
});
export type Charge = z.infer<typeof chargeSchema>;

export const chargeTimeoutMs = 60_000;

/**
 * The payment of an order. It never gives up on its own: whether a card was charged must be found
 * out however long the provider is away, and the hold's end decides what the answer means.
 */
export const chargeJob = (namespace: string) =>
  defineJob({
    name: 'payment.charge',
    queue: `${namespace}.payments`,
    schema: chargeSchema,
    key: ({ orderId }) => orderId,
    retry: { attempts: 1_000, baseMs: 250, maxMs: 10_000 },
    timeoutMs: chargeTimeoutMs,
    inbox: true,
  });
