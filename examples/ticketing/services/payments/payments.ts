/** The payments worker: takes charge jobs from Kafka and keeps the promises that the gateway made. */
import { createServer } from 'node:http';
import { handle, Worker } from '@evenkeel/async-jobs';
import { CircuitBreaker } from '@evenkeel/circuit-breaker';
import { Health, httpHandler, pgCheck, redisCheck } from '@evenkeel/health';
import type { Logger } from 'pino';
import { seed } from '../catalog/seed.ts';
import type { PaymentsConfig } from '../config.ts';
import { connect } from '../connections.ts';
import { Pools } from '../inventory/pools.ts';
import { migrate } from '../migrations/migrate.ts';
import { chargeJob } from '../orders/charge-job.ts';
import { listen, type Service } from '../service.ts';
import { payOrder } from './charge.ts';
import { PaymentProvider } from './provider.ts';

export async function startPayments(config: PaymentsConfig, log: Logger): Promise<Service> {
  const { redis, database, queue } = connect('payments', config, log);
  await migrate(database);
  await queue.outbox?.migrate();
  await seed(database, undefined);
  await queue.ensureTopics([chargeJob]);
  const pools = await Pools.open({
    redis,
    database,
    namespace: config.NAMESPACE,
    ttlMs: config.HOLD_TTL_MS,
    graceMs: config.HOLD_GRACE_MS,
    seatsPerBuyer: config.SEATS_PER_BUYER,
  });

  const breaker = new CircuitBreaker({
    name: 'payment-provider',
    timeoutMs: config.PAYMENT_TIMEOUT_MS,
    slow: { afterMs: config.PAYMENT_SLOW_MS, rate: 0.5 },
  });
  breaker.on('open', (event) => log.error(event, 'the payment provider is unwell: circuit open'));
  breaker.on('closed', (event) => log.info(event, 'the payment provider is well: circuit closed'));
  const provider = new PaymentProvider({ url: config.PSP_URL, breaker });

  const deps = { database, pools, provider, ticketKey: config.TICKET_PRIVATE_KEY };
  const worker = new Worker(queue, {
    concurrency: config.PAYMENT_CONCURRENCY,
    sessionTimeoutMs: config.WORKER_SESSION_TIMEOUT_MS,
    handlers: [
      handle(chargeJob, (charge, ctx) => payOrder(deps, charge, ctx), {
        // while the provider is given a rest, payments wait in Kafka instead of trying in vain
        guard: () => breaker.state !== 'open',
      }),
    ],
  });
  worker.on('error', (error) => log.warn({ err: error }, 'worker failed'));
  worker.on('failed', ({ error, ...job }) => log.warn({ err: error, ...job }, 'payment failed'));
  worker.on('dead', ({ error, ...job }) => log.error({ err: error, ...job }, 'payment given up'));
  await worker.run();

  const health = new Health({ service: 'payments' });
  health.check('database', pgCheck(database, { query: 'select slug from events limit 1' }), {
    scope: 'shared',
  });
  health.check('redis', redisCheck(redis), { scope: 'shared' });
  health.check(worker.healthCheck());
  // an open circuit is news for people, not a reason to stop this instance
  health.check(breaker.healthCheck(), { scope: 'shared' });

  const probes = httpHandler(health);
  const server = createServer((request, response) => {
    if (!probes(request, response)) response.writeHead(404).end();
  });
  return {
    name: 'payments',
    health,
    server,
    listen: () => listen(server, config.HOST, config.PAYMENTS_PORT),
    phases: {
      jobs: [() => worker.drain({ timeoutMs: 17_000 })],
      caches: [() => queue.close(), () => pools.close(), () => breaker.close()],
      db: [() => database.end(), () => redis.quit()],
    },
    lingerMs: config.LINGER_MS,
  };
}
