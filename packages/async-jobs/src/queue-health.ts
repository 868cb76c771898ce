import type { JobQueue } from './async-jobs.ts';
import { abortable } from './clock.ts';
import { JobsUnhealthyError } from './errors.ts';
import { show } from './options.ts';
import type { Spooler } from './spool.ts';
import type { StatusReporter } from './status-reporter.ts';
import { within } from './within.ts';

const STATUS_PING_MS = 500;

/** Asks what a queue stands on. @throws JobsUnhealthyError */
export async function checkQueue(
  queue: JobQueue,
  spooler: Spooler | null,
  reporter: StatusReporter | null,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const { transport, outbox, store, clock } = queue;
  const details: Record<string, unknown> = { transport: transport.name };
  if (spooler) details.spooling = spooler.spooling;
  if (spooler?.lastError) details.spoolError = show(spooler.lastError);
  try {
    await transport.ping(signal);
    if (outbox) details.outboxOldestMs = await abortable(outbox.oldestMs(), signal);
  } catch (error) {
    throw new JobsUnhealthyError(`Job queue is unwell: ${show(error)}`, details, error);
  }
  if (store) {
    details.status = await within(clock, STATUS_PING_MS, store.ping(), 'The status store').then(
      () => (reporter?.lastError ? `not written: ${show(reporter.lastError)}` : 'ok'),
      (error: unknown) => `unreachable: ${show(reporter?.lastError ?? error)}`,
    );
  }
  return details;
}
