import { systemClock } from './clock.ts';
import { CommitError } from './errors.ts';
import { partitionOf } from './partitioner.ts';
import { placeOf } from './topic-partition.ts';
import type {
  AssignedPartition,
  IncomingRecord,
  OffsetCommit,
  OutgoingRecord,
  PartitionOffsets,
  SubscribeOptions,
  Subscription,
  SubscriptionHealth,
  SubscriptionListener,
  TopicSpec,
  Transport,
} from './transport.ts';
import { within } from './within.ts';

const FETCH = 100;

type Committed = NonNullable<AssignedPartition['committed']>;

interface Group {
  readonly members: MemoryConsumer[];
  /** By `<topic>/<partition>`. */
  readonly committed: Map<string, Committed>;
}

/** Makes a transport within this process, for tests without servers. It forgets everything at its end. */
export function memoryTransport(): MemoryTransport {
  return new MemoryTransport();
}

/**
 * Topics, partitions, consumer groups and commits with metadata, as Kafka has them, in memory: it
 * passes the conformance suite that the Kafka driver passes. Never a store for production.
 */
export class MemoryTransport implements Transport {
  readonly name = 'memory';
  readonly #topics = new Map<string, IncomingRecord[][]>();
  readonly #groups = new Map<string, Group>();
  #stalled: Promise<void> | null = null;
  #turn = 0;

  async send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void> {
    for (const { topic } of records) this.#partitions(topic);
    if (this.#stalled !== null) {
      await within(systemClock, timeoutMs, this.#stalled, 'Sending');
    }
    for (const { topic, key, value, headers } of records) {
      const partitions = this.#partitions(topic);
      const partition =
        key === null ? this.#turn++ % partitions.length : partitionOf(key, partitions.length);
      const log = partitions[partition] as IncomingRecord[];
      log.push({
        offset: log.length,
        timestampMs: Date.now(),
        key,
        value: Buffer.from(value),
        headers: { ...headers },
      });
    }
    for (const { members } of this.#groups.values()) for (const member of members) member.wake();
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    for (const { topic, partitions } of topics) {
      if (this.#topics.has(topic)) continue;
      this.#topics.set(
        topic,
        Array.from({ length: partitions }, () => []),
      );
    }
  }

  subscribe(options: SubscribeOptions, listener: SubscriptionListener): Subscription {
    return new MemoryConsumer(this, options, listener);
  }

  async ping(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
  }

  async close(): Promise<void> {
    for (const { members } of this.#groups.values()) {
      for (const member of [...members]) await member.close();
    }
  }

  /** All records of a topic, partition by partition: for looking at in tests. */
  records(topic: string): IncomingRecord[] {
    return this.#partitions(topic).flat();
  }

  async offsets(topic: string): Promise<PartitionOffsets[]> {
    return this.#partitions(topic).map((log, partition) => ({
      partition,
      first: 0,
      next: log.length,
    }));
  }

  async committed(group: string, topic: string): Promise<AssignedPartition[]> {
    const { committed } = this.#group(group);
    return this.#partitions(topic).map((_, partition) => ({
      topic,
      partition,
      committed: committed.get(placeOf(topic, partition)) ?? null,
    }));
  }

  /** Makes the members of a group join again, as a new member would. */
  rebalance(group: string): void {
    this.#rebalance(this.#group(group));
  }

  /** Takes a group's first member away without goodbye: nothing of it is committed from now on. */
  crash(group: string): void {
    const found = this.#group(group);
    found.members.shift()?.die();
    this.#rebalance(found);
  }

  /** Lets nothing be sent and nothing delivered until the returned function is called, as a frozen broker does. */
  stall(): () => void {
    let resume: () => void = () => {};
    const stalled = new Promise<void>((resolve) => {
      resume = resolve;
    });
    this.#stalled = stalled;
    return () => {
      if (this.#stalled === stalled) this.#stalled = null;
      resume();
    };
  }

  /** @internal */
  get stalled(): Promise<void> | null {
    return this.#stalled;
  }

  /** @internal */
  join(member: MemoryConsumer, { topics, group }: SubscribeOptions): void {
    const joined = this.#group(group);
    for (const topic of topics) this.#partitions(topic);
    joined.members.push(member);
    this.#rebalance(joined);
  }

  /** @internal */
  leave(member: MemoryConsumer, { group }: SubscribeOptions): void {
    const left = this.#group(group);
    const index = left.members.indexOf(member);
    if (index < 0) return;
    left.members.splice(index, 1);
    this.#rebalance(left);
  }

  /** @internal */
  store({ group }: SubscribeOptions, offsets: readonly OffsetCommit[]): void {
    const { committed } = this.#group(group);
    for (const { topic, partition, offset, metadata } of offsets) {
      committed.set(placeOf(topic, partition), { offset, metadata });
    }
  }

  /** @internal */
  read(topic: string, partition: number, from: number): { records: IncomingRecord[]; end: number } {
    const log = this.#partitions(topic)[partition] as IncomingRecord[];
    return { records: log.slice(from, from + FETCH), end: log.length };
  }

  #rebalance({ members, committed }: Group): void {
    const shares = new Map<MemoryConsumer, AssignedPartition[]>(members.map((one) => [one, []]));
    let turn = 0;
    for (const topic of new Set(members.flatMap((member) => member.topics))) {
      const readers = members.filter((member) => member.topics.includes(topic));
      for (let partition = 0; partition < this.#partitions(topic).length; partition++) {
        shares.get(readers[turn++ % readers.length] as MemoryConsumer)?.push({
          topic,
          partition,
          committed: committed.get(placeOf(topic, partition)) ?? null,
        });
      }
    }
    for (const [member, share] of shares) member.assign(share);
  }

  #group(name: string): Group {
    let group = this.#groups.get(name);
    if (!group) {
      group = { members: [], committed: new Map() };
      this.#groups.set(name, group);
    }
    return group;
  }

  #partitions(topic: string): IncomingRecord[][] {
    const partitions = this.#topics.get(topic);
    if (!partitions) throw new Error(`Topic ${topic} does not exist: call ensureTopics first`);
    return partitions;
  }
}

/** Where a member is in one partition. */
interface Reading {
  readonly topic: string;
  readonly partition: number;
  position: number;
  delivering: boolean;
}

class MemoryConsumer implements Subscription {
  readonly #transport: MemoryTransport;
  readonly #options: SubscribeOptions;
  readonly #listener: SubscriptionListener;
  #readings: Reading[] = [];
  #state: SubscriptionHealth['state'] = 'joining';

  constructor(
    transport: MemoryTransport,
    options: SubscribeOptions,
    listener: SubscriptionListener,
  ) {
    this.#transport = transport;
    this.#options = options;
    this.#listener = listener;
  }

  get topics(): readonly string[] {
    return this.#options.topics;
  }

  async start(): Promise<void> {
    this.#transport.join(this, this.#options);
    this.#state = 'running';
  }

  async commit(offsets: readonly OffsetCommit[]): Promise<void> {
    if (this.#state !== 'running') throw new CommitError(this.#options.group);
    const held = ({ topic, partition }: OffsetCommit): boolean =>
      this.#readings.some((one) => one.topic === topic && one.partition === partition);
    this.#transport.store(this.#options, offsets.filter(held));
  }

  health(): SubscriptionHealth {
    return { state: this.#state, partitions: this.#readings.length, silentMs: 0, rebuilds: 0 };
  }

  async close(): Promise<void> {
    this.die();
    this.#transport.leave(this, this.#options);
  }

  die(): void {
    this.#state = 'closed';
    this.#readings = [];
  }

  assign(partitions: readonly AssignedPartition[]): void {
    void this.#listener.rebalancing();
    this.#readings = partitions.map(({ topic, partition, committed }) => ({
      topic,
      partition,
      position: committed?.offset ?? 0,
      delivering: false,
    }));
    this.#listener.assigned(partitions);
    this.wake();
  }

  wake(): void {
    for (const reading of this.#readings) {
      if (reading.delivering) continue;
      reading.delivering = true;
      void this.#deliver(reading);
    }
  }

  async #deliver(reading: Reading): Promise<void> {
    const { topic, partition } = reading;
    for (;;) {
      await this.#transport.stalled;
      if (!this.#readings.includes(reading)) return;
      const { records, end } = this.#transport.read(topic, partition, reading.position);
      if (records.length === 0) break;
      const taken = this.#listener.admit(topic, partition, records, end);
      reading.position += taken;
      if (taken < records.length) await this.#listener.space(topic, partition);
      else await Promise.resolve();
    }
    reading.delivering = false;
  }
}
