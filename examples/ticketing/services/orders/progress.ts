/** How far a payment is, from the job's status in Redis; what became of it, from the database. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobQueue, JobStatus } from '@evenkeel/async-jobs';
import type { Pool } from 'pg';
import type { Order, OrderStep } from '../../contract.ts';
import { readOrder, type StoredOrder } from './orders.ts';

/** The worker's notes are the steps that buyers see. */
const running: readonly OrderStep[] = ['charging', 'deciding', 'ticketing'];

/** A status without a note (a new attempt, the end) leaves the order where it was. */
function stepOf(status: JobStatus | null, before: OrderStep = 'queued'): OrderStep {
  return running.find((step) => step === status?.note) ?? before;
}

/** the step is worth so long a wait, which a frozen Redis would make endless */
const stepWithinMs = 100;

/** The order with its step. Without Redis it is still true, only less talkative. */
export async function currentOrder(queue: JobQueue, stored: StoredOrder): Promise<Order> {
  const { order, jobId } = stored;
  if (order.state !== 'processing') return order;
  const enough = new AbortController();
  const { signal } = enough;
  const status = await Promise.race([
    queue.status(jobId),
    sleep(stepWithinMs, null, { signal, ref: false }),
  ]).catch(() => null);
  enough.abort();
  return { ...order, step: stepOf(status) };
}

const refundEveryMs = 1_000;

/**
 * Yields the order now and after every step until nothing more will happen to it, or `signal`
 * aborts. The database is read at the beginning and at the end, not at each step; only a refund, which
 * is rare, is looked for once a second.
 */
export async function* followOrder(
  deps: { database: Pool; queue: JobQueue },
  stored: StoredOrder,
  signal: AbortSignal,
): AsyncGenerator<Order> {
  const { order, jobId } = stored;
  if (order.state === 'refunding') return yield* followRefund(deps.database, stored, signal);
  if (order.state !== 'processing') return yield order;
  let shown: OrderStep | undefined;
  for await (const status of deps.queue.watch(jobId, { signal })) {
    const step = stepOf(status, shown);
    if (step !== shown) yield { ...order, step };
    shown = step;
    // the decision is made and the tickets are there: what is left is between us and the provider
    if (step === 'ticketing' || status.state === 'succeeded') break;
  }
  if (signal.aborted) return;
  const decided = await readOrder(deps.database, order.id);
  if (decided) yield decided.order;
}

async function* followRefund(database: Pool, stored: StoredOrder, signal: AbortSignal) {
  let latest: StoredOrder | undefined = stored;
  yield stored.order;
  while (latest?.order.state === 'refunding') {
    await sleep(refundEveryMs, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted) return;
    latest = await readOrder(database, stored.order.id);
  }
  if (latest) yield latest.order;
}
