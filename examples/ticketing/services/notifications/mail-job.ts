import { defineJob } from '@evenkeel/async-jobs';
import { z } from 'zod';

/** Whom it goes to and what it says is read where it lives when it is sent: Kafka carries no person. */
const mailSchema = z.object({
  orderId: z.uuid(),
  kind: z.enum(['confirmation', 'refund']),
});
export type Mail = z.infer<typeof mailSchema>;

/** A mail about an order. A provider that is away for an hour makes it an hour late, not lost. */
export const mailJob = defineJob({
  name: 'mail.send',
  queue: 'mail',
  schema: mailSchema,
  key: ({ orderId }) => orderId,
  retry: { attempts: 1_000, baseMs: 250, maxMs: 10_000 },
  timeoutMs: 30_000,
});

/** The same mail of the same order is enqueued once. */
export const mailKey = ({ orderId, kind }: Mail) => `${kind}.${orderId}`;
