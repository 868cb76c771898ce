import { Kafka, logLevel } from 'kafkajs';
import { afterAll, describe } from 'vitest';
import { backends, uniqueName } from '../../../test/backends.ts';
import { kafkajsTransport, redisStatus } from '../src/index.ts';
import { Clients } from './clients.ts';
import { featuresConformance } from './features-conformance.ts';
import { transportConformance } from './transport-conformance.ts';
import { workerConformance } from './worker-conformance.ts';

const kafka = new Kafka({
  brokers: backends().kafkaBrokers.split(','),
  logLevel: logLevel.NOTHING,
});
const transport = kafkajsTransport(kafka);
const newName = () => uniqueName('jobs_test');

describe('kafkajs transport', () => {
  transportConformance(() => transport, newName, 6_000);
});

describe('worker on Kafka', () => {
  workerConformance(() => transport, newName);
});

describe('jobs on Kafka', () => {
  const clients = new Clients();
  featuresConformance(
    () => transport,
    newName,
    () => redisStatus(clients.redis(), { prefix: newName() }),
  );
  afterAll(async () => {
    await transport.close();
    await clients.close();
  });
});
