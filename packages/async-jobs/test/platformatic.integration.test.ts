import * as kafka from '@platformatic/kafka';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { backends, uniqueName } from '../../../test/backends.ts';
import {
  defineJob,
  handle,
  JobQueue,
  kafkajsTransport,
  platformaticTransport,
  redisStatus,
  type Transport,
  Worker,
} from '../src/index.ts';
import { Clients } from './clients.ts';
import { featuresConformance } from './features-conformance.ts';
import { flowConformance } from './flow-conformance.ts';
import { RecordingListener } from './recording-listener.ts';
import { transportConformance } from './transport-conformance.ts';
import { until } from './until.ts';
import { workerConformance } from './worker-conformance.ts';

const connection = { clientId: 'test', bootstrapBrokers: backends().kafkaBrokers.split(',') };
const transport = platformaticTransport(kafka, { connection });
const newName = () => uniqueName('jobs_test');

describe.concurrent('transport on @platformatic/kafka', () => {
  transportConformance(() => transport, newName, 6_000);

  it('refuses what is not the module, and a connection without brokers', () => {
    expect(() => platformaticTransport({} as never, { connection })).toThrow('`kafka`');
    const nowhere = { clientId: 'test', bootstrapBrokers: [] };
    expect(() => platformaticTransport(kafka, { connection: nowhere })).toThrow(
      '`connection.bootstrapBrokers`',
    );
  });
});

const clients = new Clients();

it('a header without a value stops no partition, on either client', async () => {
  const topic = newName();
  await transport.ensureTopics([{ topic, partitions: 1 }]);
  const producer = new kafka.Producer(connection);
  const bytes = Buffer.from('x');
  // Its types know of no such header; Debezium sends them for columns that are NULL
  const headers = new Map([
    [Buffer.from('traceparent'), null as unknown as Buffer],
    [Buffer.from('job-id'), Buffer.from('i')],
  ]);
  const record = { topic, key: bytes, value: bytes };
  await producer.send({ messages: [{ ...record, headers }, record], acks: -1 });
  await producer.close();
  const other = kafkajsTransport(clients.kafka());
  for (const own of [transport, other]) {
    const listener = new RecordingListener();
    const group = `${topic}.${own.name}`;
    const limits = { sessionTimeoutMs: 6_000, heartbeatMs: 500, rebalanceTimeoutMs: 10_000 };
    const subscription = own.subscribe({ topics: [topic], group, ...limits }, listener);
    await subscription.start();
    await until('both records', () => listener.taken.length === 2);
    expect(listener.taken.map(({ record }) => record.headers)).toEqual([{ 'job-id': 'i' }, {}]);
    await subscription.close();
  }
  await other.close();
});

describe('worker on @platformatic/kafka', () => {
  workerConformance(() => transport, newName);

  it('shares a group with a worker on kafkajs, takes over from it and hands back, in order per key', async () => {
    const key = (n: number) => `k${n % 20}`;
    const job = defineJob({ name: 'test', queue: newName(), schema: z.number(), key });
    const begun = { kafkajs: [] as number[], platformatic: [] as number[] };
    const all: number[] = [];
    const workers = (
      [
        ['kafkajs', kafkajsTransport(clients.kafka())],
        ['platformatic', transport],
      ] as [keyof typeof begun, Transport][]
    ).map(([name, own]) => {
      const run = async (n: number): Promise<void> => {
        begun[name].push(n);
        all.push(n);
        await new Promise((resolve) => setTimeout(resolve, 2));
      };
      const queue = new JobQueue({ transport: own, sendBudgetMs: 30_000 });
      return { queue, worker: new Worker(queue, { handlers: [handle(job, run)] }) };
    });
    const [first, second] = workers as [(typeof workers)[number], (typeof workers)[number]];
    await first.queue.ensureTopics([job]);
    await first.worker.run();
    let sent = 0;
    const more = async (): Promise<void> => {
      const some = Array.from({ length: 100 }, () => sent++);
      await second.queue.enqueueMany(job, some);
    };
    await more();
    await until('the first begins', () => begun.kafkajs.length > 50);
    await second.worker.run();
    await until('both work', async () => {
      await more();
      return begun.platformatic.length > 100;
    });
    await first.worker.drain();
    const before = begun.platformatic.length;
    await more();
    await until('the second works alone', () => new Set(all).size === sent);
    expect(begun.platformatic.length).toBeGreaterThanOrEqual(before + 100);
    for (let one = 0; one < 20; one += 1) {
      const own = [...new Set(all)].filter((n) => n % 20 === one);
      expect(own).toEqual([...own].sort((a, b) => a - b));
    }
    await second.worker.drain();
    await first.queue.close();
  });
});

describe('jobs on @platformatic/kafka', () => {
  featuresConformance(
    () => transport,
    newName,
    () => redisStatus(clients.redis(), { prefix: newName() }),
  );
  flowConformance(
    () => transport,
    newName,
    () => clients.outbox(),
  );
  afterAll(async () => {
    await transport.close();
    await clients.close();
  });
});
