import { defineJob, type JobQueue, type SqlExecutor } from '@evenkeel/async-jobs';
import { z } from 'zod';
import type { Region } from '../../contract.ts';

/** Whom it goes to and what it says is read where it lives when it is sent: Kafka carries no person. */
const mailSchema = z.object({
  orderId: z.uuid(),
  kind: z.enum(['confirmation', 'refund']),
});
export type Mail = z.infer<typeof mailSchema>;

/**
 * A mail about an order, in the queue of its buyer's region: only workers there may read the address.
 * A provider that is away for an hour makes it an hour late, not lost.
 */
const jobOf = (region: Region) =>
  defineJob({
    name: 'mail.send',
    queue: `mail-${region}`,
    schema: mailSchema,
    key: ({ orderId }) => orderId,
    retry: { attempts: 1_000, baseMs: 250, maxMs: 10_000 },
    timeoutMs: 30_000,
  });
export const mailJobs = { eu: jobOf('eu'), us: jobOf('us'), au: jobOf('au') } as const;

/** Promises a mail in the transaction of what it is about; the same mail of an order is one. */
export async function promiseMail(
  queue: JobQueue,
  mail: Mail & { region: Region },
  tx: SqlExecutor,
): Promise<void> {
  const { region, orderId, kind } = mail;
  await queue.enqueue(
    mailJobs[region],
    { orderId, kind },
    { idempotencyKey: `${kind}.${orderId}`, tx },
  );
}
