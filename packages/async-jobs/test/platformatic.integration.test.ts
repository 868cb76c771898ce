import * as kafka from '@platformatic/kafka';
import { afterAll, describe, expect, it } from 'vitest';
import { backends, uniqueName } from '../../../test/backends.ts';
import { platformaticTransport, redisStatus } from '../src/index.ts';
import { Clients } from './clients.ts';
import { featuresConformance } from './features-conformance.ts';
import { transportConformance } from './transport-conformance.ts';
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

describe('worker on @platformatic/kafka', () => {
  workerConformance(() => transport, newName);
});

describe('jobs on @platformatic/kafka', () => {
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
