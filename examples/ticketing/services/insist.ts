import { setTimeout as sleep } from 'node:timers/promises';

const againAfterMs = 500;
const insistMs = 30_000;

/**
 * For a process that starts: does `work`, which may be begun again, until no restart of PostgreSQL or Kafka comes
 * between. Those that run already wait for it too. @throws what `work` throws, of anything else at once, of that after 30 s
 */
export async function insist<T>(
  work: () => Promise<T>,
  onWait?: (why: unknown) => void,
): Promise<T> {
  for (const until = performance.now() + insistMs; ; await sleep(againAfterMs)) {
    try {
      return await work();
    } catch (error) {
      if (!isAway(error) || performance.now() > until) throw error;
      onWait?.(error);
    }
  }
}

/** PostgreSQL or Kafka is not there, goes, or comes. */
function isAway(error: unknown): boolean {
  const { code, message, name } = error as { code?: string; message?: string; name?: string };
  // pg gives no code to what it notices itself
  const isCut = /^(Connection terminated|timeout exceeded when trying to connect)/.test(
    message ?? '',
  );
  const isKafka = /^KafkaJS(Connection|RequestTimeout|BrokerNotFound|NumberOfRetries)/.test(
    name ?? '',
  );
  return (
    isCut ||
    isKafka ||
    ['ECONNREFUSED', 'ECONNRESET', '57P01', '57P02', '57P03'].includes(code ?? '')
  );
}
