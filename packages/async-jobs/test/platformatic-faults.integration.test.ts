import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import * as kafka from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backends, uniqueName } from '../../../test/backends.ts';
import { type PlatformaticLike, platformaticTransport, type Transport } from '../src/index.ts';
import { until } from './until.ts';

/** Stands between the client and the broker. */
class Between {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  /** What becomes of the broker's next answer. */
  answer: 'passes' | 'is cut off' | 'never comes' = 'passes';

  constructor() {
    const [host = '', port = ''] = (backends().kafkaBrokers.split(',')[0] ?? '').split(':');
    this.#server = createServer((client) => {
      const broker = connect(Number(port), host);
      for (const socket of [client, broker]) {
        this.#sockets.add(socket);
        socket.on('error', () => {});
      }
      client.on('close', () => broker.destroy());
      broker.on('close', () => client.destroy());
      client.pipe(broker);
      broker.on('data', (bytes) => {
        if (this.answer === 'passes') client.write(bytes);
        else if (this.answer === 'is cut off') {
          this.answer = 'passes';
          client.destroy();
        }
      });
    });
  }

  /** The module, whose clients reach every broker through here once `listen` has resolved. */
  async listen(): Promise<PlatformaticLike> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const { port } = this.#server.address() as AddressInfo;
    class Base extends kafka.Base {
      override [kafka.kGetConnection](
        _: unknown,
        callback: (error: Error | null, connection?: kafka.Connection) => void,
      ): void {
        this.connections.get({ host: '127.0.0.1', port }, callback as never);
      }
    }
    return { ...kafka, Base };
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

describe('sending on @platformatic/kafka', () => {
  const proxy = new Between();
  const connection = { clientId: 'test', bootstrapBrokers: backends().kafkaBrokers.split(',') };
  let transport: Transport;
  beforeAll(async () => {
    transport = platformaticTransport(await proxy.listen(), { connection });
  });
  afterAll(async () => {
    await transport.close();
    proxy.close();
  });

  async function newTopic(partitions = 1): Promise<string> {
    const topic = uniqueName('jobs_test');
    await transport.ensureTopics([{ topic, partitions }]);
    return topic;
  }
  const records = (topic: string, count: number, value: string | Uint8Array = 'x') =>
    Array.from({ length: count }, (_, n) => ({ topic, key: `k${n}`, value, headers: {} }));
  const stored = async (topic: string) =>
    (await transport.offsets(topic)).reduce((sum, { first, next }) => sum + next - first, 0);

  it('keeps one copy of what was cut off before its answer came and sent again', async () => {
    const topic = await newTopic(3);
    await transport.send(records(topic, 10), 10_000);
    for (let round = 1; round <= 5; round++) {
      proxy.answer = 'is cut off';
      await transport.send(records(topic, 10), 10_000);
      expect(proxy.answer).toBe('passes');
      expect(await stored(topic)).toBe(10 * (round + 1));
    }
  });

  it('never takes what follows a request that was given up for that request', async () => {
    const topic = await newTopic();
    await transport.send(records(topic, 1), 10_000);
    proxy.answer = 'never comes';
    await expect(transport.send(records(topic, 1, 'given up'), 500)).rejects.toMatchObject({
      code: 'ERR_TRANSPORT_TIMEOUT',
    });
    proxy.answer = 'passes';
    // By number and size it is the same batch as the one before, which the broker has
    await transport.send(records(topic, 1, 'another'), 10_000);
    await until('both', async () => (await stored(topic)) === 3);
  });

  it('refuses a record that is too large, and sends those beside it', async () => {
    const topic = await newTopic();
    const large = randomBytes(2_000_000); // gzip makes nothing of it
    const calls = [
      transport.send(records(topic, 1), 10_000),
      transport.send(records(topic, 1, large), 10_000),
      transport.send(records(topic, 2), 10_000),
    ];
    const [first, tooLarge, last] = await Promise.allSettled(calls);
    expect([first?.status, tooLarge?.status, last?.status]).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(String((tooLarge as PromiseRejectedResult).reason.errors)).toContain('larger');
    expect(await stored(topic)).toBe(3);
  });

  it('lets go of what is being sent when it is closed, and takes nothing more', async () => {
    const topic = await newTopic();
    const closing = platformaticTransport(kafka, { connection });
    await closing.send([], 5_000);
    const sending = closing.send(records(topic, 1_000), 5_000).then(
      () => 'sent',
      () => 'failed',
    );
    await closing.close();
    expect(['sent', 'failed']).toContain(await sending);
    await expect(closing.send(records(topic, 1), 5_000)).rejects.toMatchObject({
      code: 'ERR_QUEUE_CLOSED',
    });
  });
});
