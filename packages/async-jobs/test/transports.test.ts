import { queryObjects } from 'node:v8';
import * as module from '@platformatic/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { expect, it } from 'vitest';
import { kafkajsTransport, platformaticTransport, type Transport } from '../src/index.ts';
import { KafkajsConsumer } from '../src/kafkajs-consumer.ts';
import { PlatformaticConsumer } from '../src/platformatic-consumer.ts';
import { RecordingListener } from './recording-listener.ts';

const brokers = ['127.0.0.1:1'];
const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING });
const connection = { clientId: 'test', bootstrapBrokers: brokers };
const limits = { sessionTimeoutMs: 6_000, heartbeatMs: 500, rebalanceTimeoutMs: 10_000 };

it.each<[Transport, new (...args: never[]) => object]>([
  [kafkajsTransport(kafka), KafkajsConsumer],
  [platformaticTransport(module, { connection }), PlatformaticConsumer],
])('keeps no subscription that is closed', async (transport, kind) => {
  for (let n = 0; n < 20; n++) {
    const options = { topics: ['t'], group: `g${n}`, ...limits };
    await transport.subscribe(options, new RecordingListener()).close();
  }
  expect(queryObjects(kind)).toBe(0);
  await transport.close();
});
