import { Kafka, logLevel } from 'kafkajs';
import { afterAll, describe } from 'vitest';
import { backends, uniqueName } from '../../../test/backends.ts';
import { kafkajsTransport } from '../src/index.ts';
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
  afterAll(() => transport.close());
});
