import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  defineJob,
  flow,
  handle,
  JobQueue,
  memoryTransport,
  postgresOutbox,
  RetryLater,
  redisSpool,
  schedule,
  step,
  Worker,
} from '../src/index.ts';

const schema = z.object({ n: z.number(), text: z.string().optional() });
const job = defineJob({ name: 'test', schema });

async function newQueue() {
  const transport = memoryTransport();
  const queue = new JobQueue({ transport });
  await queue.ensureTopics([job]);
  return { queue, sent: () => transport.records('jobs.default').length };
}

describe('bad input', () => {
  it('is refused at enqueue, and nothing is sent', async () => {
    const { queue, sent } = await newQueue();
    const bad = [
      [queue.enqueue(job, { n: 'one' } as never), { code: 'ERR_JOB_PAYLOAD' }],
      [
        queue.enqueue(job, { n: 1, text: 'x'.repeat(2 ** 20) }),
        { code: 'ERR_JOB_PAYLOAD_TOO_LARGE', maxBytes: 921_600 },
      ],
      [
        queue.enqueue(job, { n: 1 }, { key: 'k'.repeat(1_025) }),
        { message: 'Expected `key` to be text of 1 to 1024 bytes, got 1025 bytes' },
      ],
      [
        queue.enqueue(job, { n: 1 }, { delayMs: -1 }),
        { message: 'Expected `delayMs` to be an integer in [0, 31622400000], got -1' },
      ],
      [
        queue.enqueue(job, { n: 1 }, { idempotencykey: 'order 7' } as never),
        {
          message: expect.stringMatching(/^Unknown option `idempotencykey`, .*\bidempotencyKey\b/),
        },
      ],
      [queue.cancel(''), { message: 'Expected `id` to be text of 1 to 1024 bytes, got ""' }],
      [
        queue.start(flow('f', schema, [step(job, ({ payload }) => payload)]), { n: 1 }),
        { message: 'Expected `outbox` in the queue: flows need one' },
      ],
    ] as const;
    for (const [call, error] of bad) await expect(call).rejects.toMatchObject(error);
    expect(sent()).toBe(0);
    expect(() => queue.verifyToken('x')).toThrow('Expected `tokens` in the queue');
    await queue.close();
  });

  it('of definitions, schedules and workers names field, rule and value', async () => {
    const { queue } = await newQueue();
    const retry = (options: object) => () => defineJob({ name: 'a', schema, retry: options });
    const cron =
      (text: string, more = {}) =>
      () =>
        schedule(job, { cron: text, payload: { n: 1 }, ...more });
    const worker = (options: object) => () =>
      new Worker(queue, { handlers: [handle(job, () => {})], ...options });
    const bad: [() => unknown, string][] = [
      [
        retry({ onRetry: 'wait' }),
        'Expected `retry.onRetry` to be one of "hold", "overtake", got "wait"',
      ],
      [retry({ attempt: 3 }), 'Unknown option `retry.attempt`, expected one of'],
      [
        () => defineJob({ name: 'a', schema, timeout: 5_000 } as never),
        'Unknown option `timeout`, expected one of name, schema',
      ],
      [
        () => new JobQueue({ transport: memoryTransport(), sendTimeoutMs: 5 } as never),
        'Unknown option `sendTimeoutMs`, expected one of transport, outbox',
      ],
      [worker({ concurency: 5 }), 'Unknown option `concurency`, expected one of'],
      [
        worker({ brake: { failure: 3 } }),
        'Unknown option `brake.failure`, expected one of failures,',
      ],
      [
        () => handle(job, () => {}, { ratelimit: { max: 1, perMs: 1 } } as never),
        'Unknown option `ratelimit`, expected one of',
      ],
      [cron('* * * * *', { timeZone: 'UTC' }), 'Unknown option `timeZone`, expected one of'],
      [retry({ tiersMs: [] }), 'Expected `retry.tiersMs` to be 1 to 10 waits in milliseconds'],
      [retry({ tiersMs: [5_000, 1_000] }), 'Expected `retry.tiersMs` to rise, got 5000,1000'],
      [retry({ inline: 0 }), 'Expected `retry.inline` to be an integer in [1, 1000], got 0'],
      [
        () => defineJob({ name: 'a', schema, priority: 'urgent' as never }),
        'Expected `priority` to be one of "high", "normal", "low", got "urgent"',
      ],
      [cron('whenever'), 'Expected `cron` to be a cron expression that has a next time'],
      [cron('0 0 30 2 *'), 'such as "0 3 * * *", got "0 0 30 2 *"'],
      [cron('99 * * * *'), 'Expected `cron`'],
      [
        cron('* * * * *', { timezone: 'Mars/North' }),
        'Expected `timezone` to be an IANA time zone',
      ],
      [
        () => queue.scheduler([cron('* * * * *', { catchUp: true })()]),
        'Expected `outbox` in the queue: schedule test has `catchUp`',
      ],
      [worker({ concurrency: 0 }), 'Expected `concurrency` to be an integer in [1, 10000], got 0'],
      [worker({ flows: [flow('f', schema, [step(job, () => ({ n: 1 }))])] }), 'Expected `outbox`'],
      [() => flow('f', schema, []), 'Expected `steps` to be a list of 1 to 1000 steps'],
      [
        () => handle(job, () => {}, { rateLimit: { max: 0, perMs: 1 } }),
        'Expected `rateLimit.max`',
      ],
      [() => new RetryLater(-1), 'Expected `delayMs` to be an integer in [0,'],
      [
        () => new JobQueue({ transport: memoryTransport(), tokens: { secrets: ['short'] } }),
        'Expected `tokens.secrets` of 32 bytes or more, got 5 bytes',
      ],
      [() => redisSpool({} as never, { maxJobs: 0 }), 'Expected `maxJobs` to be an integer'],
      [
        () => postgresOutbox({} as never, { prepare: 'auto' as never }),
        'Expected `prepare` to be true or false, got "auto"',
      ],
      [() => queue.deadLetters('a b'), 'Expected `queue` to be 1 to 100 of letters'],
    ];
    for (const [call, message] of bad) expect(call, message).toThrow(message);
    await queue.close();
  });
});
