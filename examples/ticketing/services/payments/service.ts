/** payments: takes charge jobs from Kafka and keeps the promises that orders made. */
import { handle, Worker } from '@evenkeel/async-jobs';
import { CircuitBreaker } from '@evenkeel/circuit-breaker';
import { mailJobs } from '../notifications/mail-job.ts';
import { chargeJob } from '../orders/charge-job.ts';
import { refundJob } from '../orders/refund-job.ts';
import type { OpenService } from '../service.ts';
import { traced } from '../tracing.ts';
import { payOrder } from './charge.ts';
import { PaymentProvider } from './provider.ts';
import { refundOrder } from './refund.ts';
import { webhookRoutes } from './webhooks.ts';

export const openPayments: OpenService<'payments'> = async ({ config, host, log }) => {
  const { database, queue, pools, health } = host;
  await host.ensureTopics([chargeJob, ...config.REGIONS.map((region) => mailJobs[region])]);
  await host.relay();
  await host.openPools();

  const breaker = new CircuitBreaker({
    name: 'payment-provider',
    timeoutMs: config.PAYMENT_TIMEOUT_MS,
    slow: { afterMs: config.PAYMENT_SLOW_MS, rate: 0.5 },
  });
  breaker.on('open', (event) => log.error(event, 'the payment provider is unwell: circuit open'));
  breaker.on('closed', (event) => log.info(event, 'the payment provider is well: circuit closed'));
  const provider = new PaymentProvider({ url: config.PSP_URL, breaker });

  const deps = { database, queue, pools, provider, ticketKey: config.TICKET_PRIVATE_KEY };
  // while the provider is given a rest, payments wait in Kafka instead of trying in vain
  const guard = () => breaker.state !== 'open';
  const worker = new Worker(queue, {
    concurrency: config.PAYMENT_CONCURRENCY,
    sessionTimeoutMs: config.WORKER_SESSION_TIMEOUT_MS,
    handlers: [
      handle(
        chargeJob,
        traced((charge, ctx) => payOrder(deps, charge, ctx)),
        { guard },
      ),
      handle(
        refundJob,
        traced((refund, ctx) => refundOrder(deps, refund, ctx)),
        { guard },
      ),
    ],
  });
  worker.on('error', (error) => log.warn({ err: error }, 'worker failed'));
  worker.on('failed', ({ error, ...job }) => log.warn({ err: error, ...job }, 'payment failed'));
  worker.on('dead', ({ error, ...job }) => log.error({ err: error, ...job }, 'payment given up'));
  host.metrics.workers.push(worker);
  host.metrics.breakers.push(breaker);
  host.switches.on('breaker', (isOn) => (isOn ? breaker.enable() : breaker.disable()));
  await worker.run();
  health.check('payments-worker', worker.healthCheck());
  // an open circuit is news for people, not a reason to stop this instance
  health.check(breaker.healthCheck(), { scope: 'shared' });

  const secret = config.PSP_WEBHOOK_SECRET;
  if (!secret) log.warn('PSP_WEBHOOK_SECRET is not set: webhooks are refused');
  return {
    routes: (app) => webhookRoutes(app, { database, queue, secret }),
    phases: {
      jobs: [() => worker.drain({ timeoutMs: 17_000 })],
      caches: [() => breaker.close()],
    },
  };
};
