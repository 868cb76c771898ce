import { defineJob } from '@evenkeel/async-jobs';
import { z } from 'zod';

const refundSchema = z.object({ orderId: z.uuid() });
export type Refund = z.infer<typeof refundSchema>;

/** The same queue and key as the order's charge: it comes after that has ended, never beside it. */
export const refundJob = defineJob({
  name: 'payment.refund',
  queue: 'payments',
  schema: refundSchema,
  key: ({ orderId }) => orderId,
  retry: { attempts: 1_000, baseMs: 250, maxMs: 10_000 },
  timeoutMs: 60_000,
  inbox: true,
});
