import { defineJob } from '@evenkeel/async-jobs';
import { z } from 'zod';

const sku = z.string();
const holdSchema = z.object({
  id: z.uuid(),
  holder: z.uuid(),
  items: z.array(
    z.union([
      z.object({ sku, seats: z.array(z.string()).readonly() }),
      z.object({ sku, quantity: z.number().int() }),
    ]),
  ),
  token: z.string(),
  createdAt: z.number(),
  expiresAt: z.number(),
  serverNow: z.number(),
});

/** What the database does not know: the hold's token, and the provider's own token for a card. */
const chargeSchema = z.object({
  orderId: z.uuid(),
  event: z.string(),
  hold: holdSchema,
  card: z.string(),
});
export type Charge = z.infer<typeof chargeSchema>;

/**
 * The payment of an order. It never gives up on its own: whether a card was charged must be found
 * out however long the provider is away, and the hold's end decides what the answer means.
 */
export const chargeJob = defineJob({
  name: 'payment.charge',
  queue: 'payments',
  schema: chargeSchema,
  key: ({ orderId }) => orderId,
  retry: { attempts: 1_000, inline: 1_000, baseMs: 250, maxMs: 10_000 },
  timeoutMs: 60_000,
  inbox: true,
});
