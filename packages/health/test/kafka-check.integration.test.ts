import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type NativeServer, startKafka, uniqueName } from '../../../test/backends.ts';
import { Health, kafkaCheck } from '../src/index.ts';
import { ANSWERED_WITHIN_MS, idleSignal, until } from './support.ts';

let server: NativeServer;
let kafka: Kafka;
const topic = uniqueName('orders');

beforeAll(async () => {
  server = await startKafka();
  kafka = new Kafka({
    brokers: [server.url],
    clientId: 'health-test',
    logLevel: logLevel.NOTHING,
  });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: true });
  await admin.disconnect();
});
afterAll(() => server.stop());

describe('kafkaCheck', () => {
  test('counts brokers and finds the leaders', async () => {
    const source = kafkaCheck(kafka, { topics: [topic] });
    expect(await source.check(idleSignal)).toEqual({ brokers: 1 });
    expect(await source.check(idleSignal)).toEqual({ brokers: 1 });
    await source.close?.();
  });

  test('too few brokers, and a topic that does not exist, are failures', async () => {
    const few = kafkaCheck(kafka, { minBrokers: 3 });
    await expect(few.check(idleSignal)).rejects.toThrow('1 brokers, expected at least 3');
    await few.close?.();
    const missing = kafkaCheck(kafka, { topics: [uniqueName('missing')] });
    await expect(missing.check(idleSignal)).rejects.toThrow();
    await missing.close?.();
  });

  test('measures how far a consumer group is behind, and fails above maxLag', async () => {
    const groupId = uniqueName('group');
    const producer = kafka.producer();
    await producer.connect();
    const send = (count: number) =>
      producer.send({
        topic,
        messages: Array.from({ length: count }, (_, n) => ({ key: String(n), value: 'x' })),
      });
    await send(10);
    const source = kafkaCheck(kafka, { topics: [topic], groupId, maxLag: 12 });
    // The group's coordinator comes into being with the first question.
    await until(() => Promise.resolve(source.check(idleSignal)).then(Boolean, () => false));
    expect(await source.check(idleSignal)).toEqual({ brokers: 1, lag: 10 });
    await send(5);
    await expect(source.check(idleSignal)).rejects.toThrow(
      `${groupId} is 15 messages behind, allowed 12`,
    );
    const admin = kafka.admin();
    await admin.connect();
    const partitions = await admin.fetchTopicOffsets(topic);
    await admin.setOffsets({ groupId, topic, partitions });
    expect(await source.check(idleSignal)).toEqual({ brokers: 1, lag: 0 });
    await Promise.all([admin.disconnect(), producer.disconnect(), source.close?.()]);
  });

  test('a stopped broker is answered for in time, with one call at a time, and recovers', {
    timeout: 120_000,
  }, async () => {
    const health = new Health({ service: 'orders' });
    const limits = { scope: 'local', ttlMs: 0, failAfter: 1, recoverAfter: 1 } as const;
    health.check('kafka', kafkaCheck(kafka, { topics: [topic] }), { ...limits, timeoutMs: 500 });
    const probe = async () => {
      const startedAt = performance.now();
      const { status } = await health.readiness();
      return { status, ms: performance.now() - startedAt };
    };
    await until(async () => (await probe()).status !== 'fail');
    server.pause();
    try {
      const paused = await probe();
      expect(paused.status).toBe('fail');
      expect(paused.ms).toBeLessThan(ANSWERED_WITHIN_MS);
    } finally {
      server.resume();
    }
    await until(async () => (await probe()).status !== 'fail', 20_000);
    await server.kill();
    const down = await probe();
    expect(down.status).toBe('fail');
    expect(down.ms).toBeLessThan(ANSWERED_WITHIN_MS);
    await server.restart();
    await until(async () => (await probe()).status !== 'fail', 30_000);
    await health.close();
  });

  test.each([
    [{ minBrokers: 0 }, '`minBrokers` of at least 1, got 0'],
    [{ topics: [''] }, '`topics` not to be empty'],
    [{ groupId: 'g' }, '`topics` with `groupId`, got none'],
    [{ maxLag: 1 }, '`groupId` with `maxLag`, got none'],
    [{ maxLag: -1, groupId: 'g', topics: ['t'] }, '`maxLag` of at least 0, got -1'],
  ])('%j is refused', (options, message) => {
    expect(() => kafkaCheck(kafka, options)).toThrow(message);
  });
});
