/** notifications: sends the mails that other services have promised, when the provider can. */
import { handle, NonRetryableError, Worker } from '@evenkeel/async-jobs';
import { CircuitBreaker } from '@evenkeel/circuit-breaker';
import type { OpenService } from '../service.ts';
import { traced } from '../tracing.ts';
import { composeMail } from './mail.ts';
import { mailJobs } from './mail-job.ts';
import { MailProvider, MailRefused } from './mail-provider.ts';

export const openNotifications: OpenService<'notifications'> = async ({ config, host, log }) => {
  const { database, people, queue, health } = host;
  const mailJob = mailJobs[config.REGION];
  await host.ensureTopics([mailJob]);

  const breaker = new CircuitBreaker({ name: 'mail-provider', timeoutMs: config.MAIL_TIMEOUT_MS });
  breaker.on('open', (event) => log.error(event, 'the mail provider is unwell: circuit open'));
  breaker.on('closed', (event) => log.info(event, 'the mail provider is well: circuit closed'));
  const provider = new MailProvider({ url: config.MAIL_URL, breaker });

  const worker = new Worker(queue, {
    concurrency: config.MAIL_CONCURRENCY,
    sessionTimeoutMs: config.WORKER_SESSION_TIMEOUT_MS,
    handlers: [
      handle(
        mailJob,
        traced(async (mail, ctx) => {
          const message = await composeMail({ database, people }, mail);
          if (!message) throw new NonRetryableError(`There is no order ${mail.orderId}`);
          try {
            await provider.send(message, { idempotencyKey: ctx.id, signal: ctx.signal });
          } catch (error) {
            if (!(error instanceof MailRefused)) throw error;
            throw new NonRetryableError(error.message, { cause: error });
          }
        }),
        // mails wait in Kafka while the provider is given a rest
        { guard: () => breaker.state !== 'open' },
      ),
    ],
  });
  worker.on('error', (error) => log.warn({ err: error }, 'worker failed'));
  worker.on('failed', ({ error, ...job }) => log.warn({ err: error, ...job }, 'mail failed'));
  worker.on('dead', ({ error, ...job }) => log.error({ err: error, ...job }, 'mail given up'));
  host.metrics.workers.push(worker);
  host.metrics.breakers.push(breaker);
  host.switches.on('breaker', (isOn) => (isOn ? breaker.enable() : breaker.disable()));
  await worker.run();
  health.check('mail-worker', worker.healthCheck());
  health.check(breaker.healthCheck(), { scope: 'shared' });

  return {
    phases: {
      jobs: [() => worker.drain({ timeoutMs: 17_000 })],
      caches: [() => breaker.close()],
    },
  };
};
