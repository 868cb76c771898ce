/** What a client does at moments that no broker can be made to choose. */
import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { systemClock } from '../src/clock.ts';
import type { KafkaLike } from '../src/kafkajs-client.ts';
import { KafkajsConsumer } from '../src/kafkajs-consumer.ts';
import { RecordingListener } from './recording-listener.ts';

const events = {
  ...{ GROUP_JOIN: 'join', REBALANCING: 'rebalancing', CRASH: 'crash' },
  ...{ HEARTBEAT: 'heartbeat', FETCH: 'fetch', COMMIT_OFFSETS: 'commit' },
} as const;
class Client extends EventEmitter {
  readonly events = events;
  async connect() {}
  async disconnect() {}
  async subscribe() {}
  async commitOffsets() {}
  async run() {
    this.emit(events.GROUP_JOIN, { payload: { memberAssignment: { t: [0] } } });
  }
  breaks() {
    this.emit(events.CRASH, { payload: { error: new Error('no such codec') } });
  }
}

/** A client breaks `turns` microtasks after its assignment, and has to be replaced by one that works. */
async function afterBreaking(turns: number) {
  const clients: Client[] = [];
  const consumer = () => {
    const client = new Client();
    clients.push(client);
    return client;
  };
  const listener = new RecordingListener();
  listener.assigned = (partitions) => {
    listener.assignments.push(partitions);
    const [client] = clients;
    if (!client || clients.length > 1) return;
    let turn = Promise.resolve();
    for (let count = 0; count < turns; count += 1) turn = turn.then(() => {});
    void turn.then(() => client.breaks());
  };
  const options = {
    ...{ topics: ['t'], group: 'g' },
    ...{ sessionTimeoutMs: 6_000, heartbeatMs: 500, rebalanceTimeoutMs: 10_000 },
  };
  const subscription = new KafkajsConsumer(
    { consumer } as unknown as KafkaLike,
    systemClock,
    options,
    listener,
    { committed: async () => new Map(), closed: () => {} },
  );
  await subscription.start();
  await expect.poll(() => clients.length, { timeout: 3_000, message: `${turns} turns` }).toBe(2);
  await expect.poll(() => subscription.health()).toMatchObject({ state: 'running', rebuilds: 1 });
  await subscription.close();
}

it('a client that breaks in the very moment in which it has its assignment is replaced like any other', async () => {
  await Promise.all(Array.from({ length: 16 }, (_, turns) => afterBreaking(turns)));
});
