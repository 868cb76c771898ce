import { describe, expect, it } from 'vitest';
import { PlatformaticReader } from '../src/platformatic-reader.ts';
import type { AssignedPartition } from '../src/transport.ts';
import { ManualClock } from './manual-clock.ts';
import { RecordingListener } from './recording-listener.ts';

type Behaviour = 'answers' | 'refuses' | 'is frozen';

/** Brokers with two partitions of a topic: each answers a fetch after 100 ms with one record more. */
function newReader(led: number[]) {
  const clock = new ManualClock();
  const listener = new RecordingListener();
  const closing = new AbortController();
  const brokers: Record<number, Behaviour> = { 1: 'answers', 2: 'answers' };
  const leaders = [...led];
  const dropped: number[] = [];
  let broken = 0;
  const behave = async (behaviour: Behaviour | undefined): Promise<void> => {
    if (behaviour === 'is frozen') return new Promise(() => {});
    if (behaviour !== 'answers') throw new Error('connection refused');
  };
  const client = {
    topic: async () => {
      await behave(brokers[0] ?? 'answers');
      return { id: 'id', leaders: [...leaders] };
    },
    drop: (node: number) => void dropped.push(node),
    call: async (node: number | null, name: string, ...args: unknown[]) => {
      await behave(brokers[node ?? 0]);
      await new Promise<void>((resolve) => clock.setTimeout(resolve, 100));
      if (name !== 'Fetch') throw new Error(name);
      const [{ partitions }] = args[6] as [
        { partitions: { partition: number; fetchOffset: bigint }[] },
      ];
      const record = { offsetDelta: 0, timestampDelta: 0n, key: null, value: null, headers: [] };
      const answers = partitions.map(({ partition, fetchOffset: firstOffset }) => ({
        partitionIndex: partition,
        errorCode: leaders[partition] === node ? 0 : 6,
        highWatermark: firstOffset + 1n,
        abortedTransactions: null,
        records: [
          { firstOffset, lastOffsetDelta: 0, firstTimestamp: 0n, attributes: 0, records: [record] },
        ],
      }));
      const response = { responses: [{ topicId: 'id', partitions: answers }] };
      if (answers.every(({ errorCode }) => errorCode === 0)) return response as never;
      throw Object.assign(new Error('it does not lead'), { response });
    },
  };
  const places = [0, 1].map((partition) => ({ topic: 't', partition }));
  const reader = new PlatformaticReader({
    clock,
    listener,
    asking: client,
    fetching: client,
    committed: async () => {
      await behave(brokers[0] ?? 'answers');
      const of = (one: (typeof places)[number]): [string, AssignedPartition] => [
        `t/${one.partition}`,
        { ...one, committed: { offset: 7, metadata: '' } },
      ];
      return new Map(places.map(of));
    },
    holds: () => !closing.signal.aborted,
    signal: closing.signal,
    alive: () => {},
    broken: () => {
      broken++;
      closing.abort();
    },
  });
  void reader.read(places);
  const read = (partition: number) =>
    listener.taken.filter((one) => one.partition === partition).length;
  return { clock, listener, brokers, leaders, dropped, reader, read, broken: () => broken };
}

describe('reading on @platformatic/kafka', () => {
  it.each(['refuses', 'is frozen'] as const)(
    'goes on with the other leaders while one %s, says so, and with its partitions once another leads them',
    async (behaviour) => {
      const { clock, listener, brokers, leaders, dropped, reader, read, broken } = newReader([
        1, 2,
      ]);
      await clock.advance(1_000);
      expect([read(0), read(1)].every((count) => count >= 8)).toBe(true);
      expect(listener.taken[0]?.record.offset).toBe(7);
      expect(reader.silentMs).toBeLessThan(1_000);
      brokers[2] = behaviour;
      const before = [read(0), read(1)] as const;
      await clock.advance(120_000);
      expect(read(0) - before[0]).toBeGreaterThan(1_150); // one every 100 ms
      expect(read(1) - before[1]).toBeLessThan(2);
      expect(reader.silentMs).toBeGreaterThan(119_000);
      expect(listener.errors.length).toBeGreaterThanOrEqual(3);
      expect(listener.errors.length).toBeLessThan(150);
      expect(dropped.length > 2).toBe(behaviour === 'is frozen'); // a connection of which nothing comes
      leaders[1] = 1;
      await clock.advance(40_000);
      expect(read(1) - before[1]).toBeGreaterThan(50);
      expect(reader.silentMs).toBeLessThan(1_000);
      expect(broken()).toBe(0);
    },
  );

  it('follows a partition to its new leader, and back to the one that had none left', async () => {
    const { clock, leaders, read, broken } = newReader([1, 2]);
    await clock.advance(500);
    leaders[1] = 1;
    await clock.advance(2_000);
    leaders[1] = 2;
    leaders[0] = 2;
    const before = [read(0), read(1)] as const;
    await clock.advance(2_000);
    expect(read(0)).toBeGreaterThan(before[0] + 5);
    expect(read(1)).toBeGreaterThan(before[1] + 5);
    expect(broken()).toBe(0);
  });

  it('asks for other clients when no leader can be read, or nobody says who leads', async () => {
    const refused = newReader([1, 2]);
    await refused.clock.advance(1_000);
    Object.assign(refused.brokers, { 1: 'refuses', 2: 'refuses' });
    await refused.clock.advance(10_000);
    expect(refused.broken()).toBe(1);
    const unanswered = newReader([1, 1]);
    unanswered.brokers[0] = 'is frozen';
    await unanswered.clock.advance(49_000);
    expect(unanswered.broken()).toBe(0);
    await unanswered.clock.advance(10_000);
    expect([unanswered.broken(), unanswered.listener.errors.length]).toEqual([1, 5]);
  });
});
