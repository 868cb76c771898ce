// The command of @evenkeel/async-jobs as it is installed, at the dead letters of a real Kafka.
import { execFileSync } from 'node:child_process';
import {
  defineJob,
  handle,
  JobQueue,
  kafkajsTransport,
  NonRetryableError,
  Worker,
} from '@evenkeel/async-jobs';
import kafkajs from 'kafkajs';

const schema = {
  '~standard': {
    version: 1 as const,
    vendor: 'smoke',
    validate: (value: unknown) => ({ value: value as number }),
  },
};
const name = `smoke-${process.pid}`;
const brokers = (process.env.KAFKA_BROKERS ?? '').split(',');
const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING });

function cli(...args: string[]): string {
  return execFileSync('npx', ['evenkeel-jobs', ...args], { encoding: 'utf8' });
}

function expectLine(text: string, part: string): void {
  if (!text.includes(part)) throw new Error(`Expected ${part} in:\n${text}`);
}

/** Resolves when the worker has had `count` of these. */
function after(worker: Worker, event: 'dead' | 'completed', count: number): Promise<void> {
  return new Promise((resolve) => {
    let seen = 0;
    worker.on(event, () => {
      if (++seen === count) resolve();
    });
  });
}

async function main(): Promise<void> {
  expectLine(cli('--help'), 'dlq replay');
  expectLine(cli('topics', 'ensure', name), `jobs.${name}.dlq`);
  const job = defineJob({ name: 'charge', queue: name, schema });
  const queue = new JobQueue({ transport: kafkajsTransport(kafka) });
  let broken = true;
  const worker = new Worker(queue, {
    handlers: [
      handle(job, () => {
        if (broken) throw new NonRetryableError('card stolen');
      }),
    ],
  });
  await worker.run();
  const dead = after(worker, 'dead', 3);
  await queue.enqueueMany(job, [1, 2, 3]);
  await dead;
  const letters = cli('dlq', 'ls', name, '--json').trim().split('\n');
  if (letters.length !== 3) throw new Error(`Expected 3 letters, got ${letters.length}`);
  const { id } = JSON.parse(letters[0] as string) as { id: string };
  expectLine(cli('dlq', 'show', name, id), 'card stolen');
  expectLine(cli('dlq', 'purge', name), '3 dead letters would be purged');
  broken = false;
  const completed = after(worker, 'completed', 3);
  expectLine(
    cli('dlq', 'replay', name, '--job', 'charge', '--rate', '100'),
    '3 dead letters replayed',
  );
  await completed;
  expectLine(cli('lag', name, '--json'), `"topic":"jobs.${name}"`);
  await worker.drain();
  await queue.close();
}

void main();
