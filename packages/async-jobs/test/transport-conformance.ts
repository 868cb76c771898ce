import { expect, it } from 'vitest';
import type { OutgoingRecord, SubscribeOptions, Transport } from '../src/index.ts';
import { partitionOf } from '../src/partitioner.ts';
import { RecordingListener } from './recording-listener.ts';
import { until } from './until.ts';

const PARTITIONS = 4;
/** Not what is tested: a shared broker that stands still for a moment, and the pauses of a client, fit in. */
const SEND_WITHIN_MS = 20_000;

/** What every transport must do, on a broker of its kind. `newTopic` gives names that were not used before. */
export function transportConformance(
  transport: () => Transport,
  newTopic: () => string,
  sessionTimeoutMs: number,
): void {
  async function prepared(): Promise<{ topic: string; options: SubscribeOptions }> {
    const topic = newTopic();
    await transport().ensureTopics([{ topic, partitions: PARTITIONS }]);
    const options = {
      topics: [topic],
      group: `${topic}.group`,
      sessionTimeoutMs,
      heartbeatMs: 500,
      rebalanceTimeoutMs: 10_000,
    };
    return { topic, options };
  }

  function records(topic: string, count: number, from = 0): OutgoingRecord[] {
    return Array.from({ length: count }, (_, i) => ({
      topic,
      key: `key-${(from + i) % 7}`,
      value: String(from + i),
      headers: { number: String(from + i), text: 'grüß' },
    }));
  }

  async function consumer(options: SubscribeOptions, capacity = Number.POSITIVE_INFINITY) {
    const listener = new RecordingListener();
    listener.capacity = capacity;
    const subscription = transport().subscribe(options, listener);
    await subscription.start();
    return { listener, subscription };
  }

  it('creates topics once, however often and from wherever it is asked', async () => {
    const topic = newTopic();
    const specs = [
      { topic, partitions: 3 },
      { topic: `${topic}.dlq`, partitions: 1, retentionMs: 60_000 },
    ];
    await Promise.all([transport().ensureTopics(specs), transport().ensureTopics(specs)]);
    await transport().ensureTopics(specs);
    await transport().send(records(topic, 10), SEND_WITHIN_MS);
  });

  it('delivers every record with key, value, headers and time, in order per key, to the partition of the key', async () => {
    const { topic, options } = await prepared();
    const begun = Date.now();
    await transport().send(records(topic, 50), SEND_WITHIN_MS); // before the first join: it is read from the beginning
    const { listener, subscription } = await consumer(options);
    await transport().send(records(topic, 50, 50), SEND_WITHIN_MS);
    await until('100 records', () => listener.taken.length >= 100);
    expect(new Set(listener.values).size).toBe(100);
    for (const { partition, record } of listener.taken) {
      expect(partition).toBe(partitionOf(record.key as string, PARTITIONS));
      expect(record.headers).toEqual({
        number: Buffer.from(record.value ?? '').toString(),
        text: 'grüß',
      });
      expect(Math.abs(record.timestampMs - begun)).toBeLessThan(60_000);
    }
    for (let key = 0; key < 7; key++) {
      const numbers = listener.taken
        .filter(({ record }) => record.key === `key-${key}`)
        .map(({ record }) => Number(record.headers.number));
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
    await subscription.close();
  });

  it('sends more than a request may hold, in order', async () => {
    const { topic, options } = await prepared();
    const many = Array.from({ length: 1_500 }, (_, n) => ({
      ...{ topic, key: 'same', headers: {} },
      value: String(n).padEnd(1_000, '.'), // too small to be compressed
    }));
    await transport().send(many, SEND_WITHIN_MS);
    const { listener, subscription } = await consumer(options);
    await until('1,500 records', () => listener.taken.length >= 1_500);
    expect(listener.values).toEqual(many.map(({ value }) => value));
    await subscription.close();
  });

  it('refuses to send to a topic that does not exist', async () => {
    await expect(transport().send(records(newTopic(), 1), 3_000)).rejects.toThrow();
  });

  it('assigns all partitions with nothing committed at first', async () => {
    const { options } = await prepared();
    const { listener, subscription } = await consumer(options);
    expect(listener.partitions).toEqual([0, 1, 2, 3]);
    expect(listener.assignments.flat().every(({ committed }) => committed === null)).toBe(true);
    expect(subscription.health()).toMatchObject({ state: 'running', rebuilds: 0 });
    await subscription.close();
    expect(subscription.health().state).toBe('closed');
  });

  it('goes on from the committed offset, and gives its metadata back', async () => {
    const { topic, options } = await prepared();
    await transport().send(records(topic, 40), SEND_WITHIN_MS);
    const first = await consumer(options);
    await until('40 records', () => first.listener.taken.length === 40);
    const inZero = first.listener.taken.filter(({ partition }) => partition === 0);
    expect(inZero.length).toBeGreaterThan(2);
    await first.subscription.commit([
      { topic, partition: 0, offset: 2, metadata: `1:${'x'.repeat(3_000)}` },
      {
        topic,
        partition: 1,
        offset: first.listener.taken.filter(({ partition }) => partition === 1).length,
        metadata: '',
      },
    ]);
    await first.subscription.close();

    const second = await consumer(options);
    const committed = new Map(
      second.listener.assignments.at(-1)?.map((one) => [one.partition, one.committed]),
    );
    expect(committed.get(0)).toEqual({ offset: 2, metadata: `1:${'x'.repeat(3_000)}` });
    const expected = first.listener.taken.filter(
      ({ partition, record }) => (partition === 0 && record.offset >= 2) || partition > 1,
    );
    await until('the rest', () => second.listener.taken.length >= expected.length);
    expect(second.listener.values.sort()).toEqual(
      expected.map(({ record }) => Buffer.from(record.value ?? '').toString()).sort(),
    );
    await second.subscription.close();
  });

  it('offers what did not fit again, in order and without a gap', async () => {
    const { topic, options } = await prepared();
    const one = records(topic, 60).map((record) => ({ ...record, key: 'same' }));
    await transport().send(one, SEND_WITHIN_MS);
    const { listener, subscription } = await consumer(options, 0);
    for (let room = 7; listener.taken.length < 60; ) {
      listener.makeRoom(room);
      const wanted = Math.min(60, listener.taken.length + room);
      await until('more records', () => listener.taken.length >= wanted);
    }
    expect(listener.values).toEqual(one.map(({ value }) => value));
    await subscription.close();
  });

  it('keeps its place in the group while nothing fits, for longer than a session', async () => {
    const { topic, options } = await prepared();
    await transport().send(records(topic, 20), SEND_WITHIN_MS);
    const { listener, subscription } = await consumer(options, 0);
    await new Promise((resolve) => setTimeout(resolve, options.sessionTimeoutMs + 1_500));
    listener.makeRoom(100);
    await until('20 records', () => listener.taken.length === 20);
    expect(listener.assignments).toHaveLength(1);
    await subscription.commit([{ topic, partition: 0, offset: 1, metadata: '' }]);
    await subscription.close();
  });

  it('reads several topics, each at its own pace, and commits on each', async () => {
    const { topic, options } = await prepared();
    const other = newTopic();
    await transport().ensureTopics([{ topic: other, partitions: 1 }]);
    const topics = [topic, other];
    await transport().send([...records(other, 30), ...records(topic, 30)], SEND_WITHIN_MS);
    const listener = new RecordingListener();
    listener.blocked.add(other); // takes nothing of it, and must get the other topic all the same
    const subscription = transport().subscribe({ ...options, topics }, listener);
    await subscription.start();
    await until('30 records', () => listener.taken.length === 30);
    expect(new Set(listener.taken.map((one) => one.topic))).toEqual(new Set([topic]));
    listener.blocked.clear();
    listener.makeRoom(100);
    await until('60 records', () => listener.taken.length === 60);
    await subscription.commit([{ topic: other, partition: 0, offset: 30, metadata: 'x' }]);
    expect(await transport().committed(options.group, other)).toEqual([
      { topic: other, partition: 0, committed: { offset: 30, metadata: 'x' } },
    ]);
    expect(await transport().offsets(other)).toEqual([{ partition: 0, first: 0, next: 30 }]);
    await subscription.close();
  });

  it('shares the partitions with a second member, tells the first before, and gives them back', async () => {
    const { topic, options } = await prepared();
    const first = await consumer(options);
    const before = first.listener.rebalances;
    const second = await consumer(options);
    await until('two members', () => first.listener.partitions.length === 2);
    expect(first.listener.rebalances).toBeGreaterThan(before);
    expect([...first.listener.partitions, ...second.listener.partitions].sort()).toEqual([
      0, 1, 2, 3,
    ]);
    await transport().send(records(topic, 40), SEND_WITHIN_MS);
    await until('all', () => first.listener.taken.length + second.listener.taken.length >= 40);
    expect(new Set([...first.listener.values, ...second.listener.values]).size).toBe(40);
    await second.subscription.close();
    await until('all partitions again', () => first.listener.partitions.length === 4);
    await first.subscription.close();
  });

  it('gives a topic to those members that read it, also while the leader does not', async () => {
    const { topic, options } = await prepared();
    const added = newTopic();
    await transport().ensureTopics([{ topic: added, partitions: 2 }]);
    const after = { ...options, topics: [topic, added] };
    const given = ({ listener }: Awaited<ReturnType<typeof consumer>>) =>
      (listener.assignments.at(-1) ?? []).map((one) => (one.topic === added ? 'added' : 'both'));
    const shared = ['added', 'added', 'both', 'both'];
    const before = await consumer(options); // leads
    const first = await consumer(after);
    await until('both have their share', () => given(before).length === 2);
    expect([given(before), given(first).sort()]).toEqual([['both', 'both'], shared]);
    await transport().send(records(added, 20), SEND_WITHIN_MS);
    await until('what is of the added topic', () => first.listener.taken.length === 20);
    await before.subscription.close();
    await until('it has all', () => given(first).length === 6);
    const behind = await consumer(options); // and now this one does not
    await until('both have their share', () => given(first).length === 4);
    expect([given(behind), given(first).sort()]).toEqual([['both', 'both'], shared]);
    await behind.subscription.close();
    await first.subscription.close();
  });

  it('rejects a commit after leaving instead of losing it silently', async () => {
    const { topic, options } = await prepared();
    const { subscription } = await consumer(options);
    await subscription.close();
    await expect(
      subscription.commit([{ topic, partition: 0, offset: 1, metadata: '' }]),
    ).rejects.toMatchObject({ code: 'ERR_COMMIT' });
  });

  it('answers a ping, and stops waiting when told to', async () => {
    await transport().ping(AbortSignal.timeout(5_000));
    await expect(transport().ping(AbortSignal.abort(new Error('enough')))).rejects.toThrow(
      'enough',
    );
  });
}
