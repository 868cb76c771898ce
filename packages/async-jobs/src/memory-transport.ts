import { CommitError } from './errors.ts';
import { partitionOf } from './partitioner.ts';
import type {
  AssignedPartition,
  IncomingRecord,
  OffsetCommit,
  OutgoingRecord,
  SubscribeOptions,
  Subscription,
  SubscriptionHealth,
  SubscriptionListener,
  TopicSpec,
  Transport,
} from './transport.ts';

const FETCH = 100;

type Committed = NonNullable<AssignedPartition['committed']>;

interface Group {
  readonly topic: string;
  readonly members: MemoryConsumer[];
  readonly committed: Map<number, Committed>;
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

  async send(records: readonly OutgoingRecord[]): Promise<void> {
    for (const { topic } of records) this.#partitions(topic);
    for (const { topic, key, value, headers } of records) {
      const partitions = this.#partitions(topic);
      const log = partitions[partitionOf(key, partitions.length)] as IncomingRecord[];
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

  /** Makes the members of a group join again, as a new member would. */
  rebalance(topic: string, group: string): void {
    this.#rebalance(this.#group(topic, group));
  }

  /** Takes a group's first member away without goodbye: nothing of it is committed from now on. */
  crash(topic: string, group: string): void {
    const found = this.#group(topic, group);
    found.members.shift()?.die();
    this.#rebalance(found);
  }

  /** @internal */
  join(member: MemoryConsumer, { topic, group }: SubscribeOptions): void {
    this.#partitions(topic);
    const joined = this.#group(topic, group);
    joined.members.push(member);
    this.#rebalance(joined);
  }

  /** @internal */
  leave(member: MemoryConsumer, { topic, group }: SubscribeOptions): void {
    const left = this.#group(topic, group);
    const index = left.members.indexOf(member);
    if (index < 0) return;
    left.members.splice(index, 1);
    this.#rebalance(left);
  }

  /** @internal */
  store({ topic, group }: SubscribeOptions, offsets: readonly OffsetCommit[]): void {
    const { committed } = this.#group(topic, group);
    for (const { partition, offset, metadata } of offsets) {
      committed.set(partition, { offset, metadata });
    }
  }

  /** @internal */
  read(topic: string, partition: number, from: number): IncomingRecord[] {
    return (this.#partitions(topic)[partition] as IncomingRecord[]).slice(from, from + FETCH);
  }

  #rebalance({ topic, members, committed }: Group): void {
    const shares: AssignedPartition[][] = members.map(() => []);
    for (let partition = 0; partition < this.#partitions(topic).length; partition++) {
      shares[partition % members.length]?.push({
        partition,
        committed: committed.get(partition) ?? null,
      });
    }
    members.forEach((member, i) => {
      member.assign(shares[i] as AssignedPartition[]);
    });
  }

  #group(topic: string, name: string): Group {
    const id = JSON.stringify([topic, name]);
    let group = this.#groups.get(id);
    if (!group) {
      group = { topic, members: [], committed: new Map() };
      this.#groups.set(id, group);
    }
    return group;
  }

  #partitions(topic: string): IncomingRecord[][] {
    const partitions = this.#topics.get(topic);
    if (!partitions) throw new Error(`Topic ${topic} does not exist: call ensureTopics first`);
    return partitions;
  }
}

class MemoryConsumer implements Subscription {
  readonly #transport: MemoryTransport;
  readonly #options: SubscribeOptions;
  readonly #listener: SubscriptionListener;
  #positions = new Map<number, number>();
  #state: SubscriptionHealth['state'] = 'joining';
  #delivering = false;
  #again = false;

  constructor(
    transport: MemoryTransport,
    options: SubscribeOptions,
    listener: SubscriptionListener,
  ) {
    this.#transport = transport;
    this.#options = options;
    this.#listener = listener;
  }

  async start(): Promise<void> {
    this.#transport.join(this, this.#options);
    this.#state = 'running';
  }

  async commit(offsets: readonly OffsetCommit[]): Promise<void> {
    if (this.#state !== 'running') throw new CommitError(this.#options.topic);
    this.#transport.store(
      this.#options,
      offsets.filter(({ partition }) => this.#positions.has(partition)),
    );
  }

  health(): SubscriptionHealth {
    return {
      state: this.#state,
      partitions: [...this.#positions.keys()],
      silentMs: 0,
      rebuilds: 0,
    };
  }

  async close(): Promise<void> {
    this.die();
    this.#transport.leave(this, this.#options);
  }

  die(): void {
    this.#state = 'closed';
    this.#positions.clear();
  }

  assign(partitions: readonly AssignedPartition[]): void {
    this.#listener.rebalancing();
    this.#positions = new Map(
      partitions.map(({ partition, committed }) => [partition, committed?.offset ?? 0]),
    );
    this.#listener.assigned(partitions);
    this.wake();
  }

  wake(): void {
    this.#again = true;
    if (this.#delivering) return;
    this.#delivering = true;
    void this.#deliver();
  }

  async #deliver(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      await Promise.resolve();
      for (const [partition, position] of this.#positions) {
        const records = this.#transport.read(this.#options.topic, partition, position);
        if (records.length === 0) continue;
        const taken = this.#listener.admit(partition, records);
        this.#positions.set(partition, position + taken);
        this.#again = true;
        if (taken < records.length) await this.#listener.space();
      }
    }
    this.#delivering = false;
  }
}
