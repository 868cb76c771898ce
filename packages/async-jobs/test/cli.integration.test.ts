import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { backends, uniqueName } from '../../../test/backends.ts';
import { main } from '../src/cli-main.ts';
import { defineJob, handle, type JobQueue, NonRetryableError, Worker } from '../src/index.ts';
import { Clients } from './clients.ts';
import { until } from './until.ts';

const clients = new Clients();
const job = defineJob({
  name: 'charge',
  queue: uniqueName('cli'),
  schema: z.object({ key: z.string() }),
  key: (p) => p.key,
});
let queue: JobQueue;
let worker: Worker;
let broken = true;
const done: string[] = [];
const ids: string[] = [];

beforeAll(async () => {
  queue = await clients.queue();
  await queue.ensureTopics([job]);
  worker = new Worker(queue, {
    handlers: [
      handle(job, ({ key }, ctx) => {
        if (broken) throw new NonRetryableError(key === 'k0' ? 'card\u001b[31m stolen' : 'gone');
        done.push(ctx.id);
      }),
    ],
  });
  await worker.run();
  await queue.relay().run();
  for (let n = 0; n < 6; n++) ids.push((await queue.enqueue(job, { key: `k${n % 2}` })).id);
  await until('six letters', () => worker.snapshot().dead === 6);
});
afterAll(async () => {
  await worker.drain();
  await clients.close();
});

async function run(...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const { kafkaBrokers, redisUrl } = backends();
  const code = await main(
    args,
    { KAFKA_BROKERS: kafkaBrokers, REDIS_URL: redisUrl },
    {
      out: { write: (text) => out.push(text) },
      err: { write: (text) => err.push(text), isTTY: true },
    },
  );
  return { code, out: out.join(''), err: err.join('') };
}

describe('evenkeel-jobs', () => {
  it('lists dead letters, filtered, as a table without control characters or as JSON', async () => {
    const table = await run('dlq', 'ls', job.queue, '--key', 'k0');
    expect(table.code).toBe(0);
    expect(table.out.split('\n')[0]).toMatch(/^at +id +job +key +reason +attempts +error$/);
    expect(table.out.trim().split('\n')).toHaveLength(4);
    expect(table.out).toContain('NonRetryableError: card [31m stolen');
    const json = await run('dlq', 'ls', job.queue, '--json', '--error', 'gone', '--since', '1h');
    const rows = json.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.map(({ id }) => id).sort()).toEqual(ids.filter((_, n) => n % 2 === 1).sort());
    const none = await run('dlq', 'ls', job.queue, '--reason', 'payload', '--json');
    expect(none).toMatchObject({ code: 0, out: '' });
  });

  it('shows one, and exits with 3 when there is none', async () => {
    const { code, out } = await run('dlq', 'show', job.queue, ids[0] as string);
    expect(code).toBe(0);
    for (const part of [ids[0], 'payload   "{\\"key\\":\\"k0\\"}"', 'non-retryable', '  ']) {
      expect(out).toContain(part);
    }
    expect((await run('dlq', 'show', job.queue, 'nobody')).code).toBe(3);
  });

  it('replays what the filter names with its ids, after a dry run that changes nothing', async () => {
    const dry = await run('dlq', 'replay', job.queue, '--key', 'k0', '--dry-run');
    expect(dry).toMatchObject({ code: 0, out: '3 dead letters would be replayed\n' });
    broken = false;
    const { code, out, err } = await run(
      'dlq',
      'replay',
      job.queue,
      '--key',
      'k0',
      '--rate',
      '100',
    );
    expect([code, out]).toEqual([0, '3 dead letters replayed\n']);
    expect(err).toContain('[##############################] 100 %  6/6');
    await until('three jobs', () => done.length === 3);
    expect([...done].sort()).toEqual(ids.filter((_, n) => n % 2 === 0).sort());
  });

  it('purges only when told so', async () => {
    const counted = await run('dlq', 'purge', job.queue);
    expect(counted).toMatchObject({ out: '3 dead letters would be purged: --yes does it\n' });
    expect(await run('dlq', 'purge', job.queue, '--yes', '--json')).toMatchObject({
      code: 0,
      out: '{"letters":3,"what":"purged"}\n',
    });
    expect(await run('dlq', 'ls', job.queue, '--json')).toMatchObject({ out: '' });
  });

  it('tells the lag of every topic, creates topics, and tells a status', async () => {
    const own = { ...job, priorities: ['normal', 'high'] as const };
    const retry = { ...job.retry, onRetry: 'overtake' as const, tiersMs: [1_500, 90_000] };
    await queue.ensureTopics([{ ...own, retry }]); // priorities and waits that only definitions tell
    let lag = await run('lag', job.queue, '--json');
    // a broker that is busy may tell of a new topic before it serves it
    await until('the new topics', async () => {
      if (lag.code !== 0) lag = await run('lag', job.queue, '--json');
      return lag.code === 0;
    });
    const rows = lag.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.map(({ topic }) => topic.replace(`jobs.${job.queue}`, ''))).toEqual([
      '',
      '.high',
      '.retry.1500ms',
      '.retry.5s',
      '.retry.30s',
      '.retry.90s',
      '.retry.5m',
      '.retry.30m',
      '.retry.1h',
      '.dlq',
    ]);
    expect(rows.find(({ topic }) => topic.endsWith('.high')).group).toBe(`jobs.${job.queue}`);
    expect((await run('lag', 'nobody')).code).toBe(3);
    const fresh = uniqueName('fresh');
    const made = await run('topics', 'ensure', fresh, '--partitions', '2', '--priorities');
    expect([made.code, made.out.split('\n').slice(0, 4)]).toEqual([
      0,
      ['topic', `jobs.${fresh}`, `jobs.${fresh}.high`, `jobs.${fresh}.low`],
    ]);
    await until('its status', async () => {
      const { code, out } = await run(
        'status',
        ids[0] as string,
        '--json',
        '--prefix',
        clients.schema,
      );
      return code === 0 && JSON.parse(out).state === 'succeeded';
    });
    expect((await run('status', 'nobody', '--prefix', clients.schema)).code).toBe(3);
  });

  it('says what is wrong with its arguments, exits with 2, and with 1 when Kafka is not there', async () => {
    expect(await run('--help')).toMatchObject({ code: 0, err: '' });
    for (const [args, message] of [
      [[], 'evenkeel-jobs: looks after'],
      [['dance'], 'There is no command dance'],
      [['dlq', 'ls'], 'Expected one QUEUE'],
      [['dlq', 'ls', 'q', '--limit', '0'], 'Expected --limit to be a whole number above 0, got 0'],
      [['dlq', 'ls', 'q', '--reason', 'x'], 'Expected --reason to be one of attempts'],
      [['dlq', 'ls', 'q', '--since', 'x'], 'Expected --since to be ISO 8601'],
      [['dlq', 'ls', 'q', '--nonsense'], "Unknown option '--nonsense'"],
    ] as const) {
      const { code, err } = await run(...args);
      expect([code, err]).toEqual([2, expect.stringContaining(message)]);
    }
    const away = await run('lag', 'q', '--brokers', '127.0.0.1:1');
    expect(away.code).toBe(1);
    const redis = await run('status', 'x', '--redis', 'redis://:hunter2@127.0.0.1:1');
    expect(redis.code).toBe(1);
    expect(redis.err).not.toContain('hunter2');
  });
});
