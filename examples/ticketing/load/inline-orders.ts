/**
 * The order path as it is without jobs, in a process of its own: one request that writes the order, charges the card, sells the
 * seats and mails the receipt before it answers. The steps are the shop's own; only who waits for them differs.
 *
 *   POST / { holdId, userId }  ->  200 { state }
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import type { JobContext, JobQueue } from '@evenkeel/async-jobs';
import { CircuitBreaker } from '@evenkeel/circuit-breaker';
import { pino } from 'pino';
import { testCards } from '../addresses.ts';
import { connectRedis } from '../services/connections.ts';
import { openDatabase, transaction } from '../services/database.ts';
import { Pools } from '../services/inventory/pools.ts';
import { composeMail } from '../services/notifications/mail.ts';
import { MailProvider } from '../services/notifications/mail-provider.ts';
import { payOrder } from '../services/payments/charge.ts';
import { PaymentProvider } from '../services/payments/provider.ts';
import { generateTicketKeys, ticketPrivateKey } from '../services/tickets/ticket-code.ts';

export type InlineSettings = {
  redisUrl: string;
  databaseUrl: string;
  namespace: string;
  pspUrl: string;
  mailUrl: string;
};
const waitMs = 60_000;

function serve(settings: InlineSettings): void {
  const { namespace } = settings;
  const log = pino({ level: 'error' });
  const redis = connectRedis(settings.redisUrl, 'inline', log);
  const database = openDatabase({
    url: settings.databaseUrl,
    connections: 10,
    service: 'inline',
    onError: (error) => log.error(error),
  });
  // no job is promised: the receipt is sent in the request
  const queue = { enqueue: async () => undefined } as unknown as JobQueue;
  const times = { ttlMs: 120_000, graceMs: 5_000, seatsPerBuyer: 6 };
  const pools = new Pools({ redis, database, namespace, ...times });
  // it only counts: eighty calls of eight seconds at a time are what it exists to refuse, and here they are waited for
  const breaker = (name: string) => new CircuitBreaker({ name, timeoutMs: waitMs, enforce: 0 });
  const provider = new PaymentProvider({ url: settings.pspUrl, breaker: breaker('provider') });
  const mails = new MailProvider({ url: settings.mailUrl, breaker: breaker('mail') });
  const ticketKey = ticketPrivateKey(generateTicketKeys().privateKey);

  async function order({ holdId, userId }: { holdId: string; userId: string }) {
    const found = await pools.find(holdId);
    if (!found) throw new Error(`There is no hold ${holdId}`);
    const { event, hold } = found;
    const orderId = randomUUID();
    const seats = hold.items.flatMap((item) => ('seats' in item ? item.seats : []));
    await database.query(
      `insert into orders (id, user_id, hold_id, job_id, event, seats, amount_cents, currency, region)
       values ($1, $2, $3, $6, $4, $5, 2000, 'EUR', 'eu')`,
      [orderId, userId, holdId, event, seats, `inline.${orderId}`],
    );
    const signal = AbortSignal.timeout(waitMs);
    const context = {
      id: orderId,
      signal,
      progress() {},
      tx: (work: Parameters<JobContext['tx']>[0]) => transaction(database, work),
    } as unknown as JobContext;
    const charge = { orderId, event, hold, card: testCards.good };
    const result = await payOrder({ database, queue, pools, provider, ticketKey }, charge, context);
    const mail = { orderId, kind: 'confirmation' } as const;
    const message = await composeMail({ database, people: database }, mail);
    if (message) await mails.send(message, { idempotencyKey: orderId, signal });
    return result;
  }

  const server = createServer(async (request, response) => {
    try {
      const result = await order((await json(request)) as Parameters<typeof order>[0]);
      response.end(JSON.stringify(result));
    } catch (error) {
      response.writeHead(500).end(JSON.stringify({ message: String(error) }));
    }
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.(typeof address === 'object' && address?.port);
  });
}

process.once('message', (settings) => serve(settings as InlineSettings));
process.once('disconnect', () => process.exit(0));
