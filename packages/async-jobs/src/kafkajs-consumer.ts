import { type Clock, sleep } from './clock.ts';
import { CommitError } from './errors.ts';
import { GroupMembership } from './group-membership.ts';
import type { KafkaBatchPayload, KafkaConsumerLike, KafkaLike } from './kafkajs-client.ts';
import { KafkajsHeartbeat } from './kafkajs-heartbeat.ts';
import { stickyAssigner } from './sticky-assigner.ts';
import { placeOf } from './topic-partition.ts';
import type {
  AssignedPartition,
  IncomingRecord,
  OffsetCommit,
  SubscribeOptions,
  Subscription,
  SubscriptionHealth,
  SubscriptionListener,
} from './transport.ts';
import { toIncoming } from './wire-headers.ts';
import { within } from './within.ts';

const MAX_WAIT_MS = 500;
const MAX_BYTES_PER_PARTITION = 512 * 1024;
const CONNECT_WITHIN_MS = 10_000;
const COMMIT_WITHIN_MS = 10_000;
const LEAVE_WITHIN_MS = 5_000;
const ROOM_WITHIN_MS = 100;

/** What a consumer needs of its transport. */
interface ConsumersTransport {
  /** What the group has committed, by `<topic>/<partition>`. */
  readonly committed: () => Promise<Map<string, AssignedPartition>>;
  /** Told when the consumer is closed. */
  readonly closed: () => void;
}

/**
 * One member of a consumer group by kafkajs, made safe against what kafkajs does:
 *
 * - an error out of `eachBatch` can skip records or end the consumer for good: ours never throws;
 * - after a crash, or a minute without any sign of life, the client is replaced: kafkajs itself
 *   stays dead after some errors, and comes back late and with broken connections after others;
 * - `commitOffsets` of a stopping consumer resolves and commits nothing: the broker's answer counts;
 * - there is no hook before a rebalance: heartbeats of our own find out early, work freezes, and a
 *   batch is held back until what was running is committed; the assignment is compared afterwards.
 */
export class KafkajsConsumer implements Subscription {
  readonly #kafka: KafkaLike;
  readonly #clock: Clock;
  readonly #options: SubscribeOptions;
  readonly #listener: SubscriptionListener;
  readonly #membership: GroupMembership;
  readonly #heartbeat: KafkajsHeartbeat;
  readonly #transport: ConsumersTransport;
  #consumer: KafkaConsumerLike | null = null;
  /** Partitions that wait for room, by `<topic>/<partition>`. */
  readonly #paused = new Set<string>();
  #commits = 0;

  constructor(
    kafka: KafkaLike,
    clock: Clock,
    options: SubscribeOptions,
    listener: SubscriptionListener,
    transport: ConsumersTransport,
  ) {
    this.#transport = transport;
    this.#kafka = kafka;
    this.#clock = clock;
    this.#options = options;
    this.#listener = listener;
    this.#membership = new GroupMembership(clock, options, listener, {
      connect: () => this.#connect(),
      discard: () => this.#discard(),
      committed: transport.committed,
    });
    this.#heartbeat = new KafkajsHeartbeat(clock, options.heartbeatMs, () =>
      this.#membership.freeze(),
    );
  }

  start(): Promise<void> {
    return this.#membership.start();
  }

  async commit(offsets: readonly OffsetCommit[]): Promise<void> {
    const { group } = this.#options;
    const consumer = this.#consumer;
    if (!consumer) throw new CommitError(group);
    const before = this.#commits;
    try {
      await within(
        this.#clock,
        COMMIT_WITHIN_MS,
        consumer.commitOffsets(
          offsets.map(({ topic, partition, offset, metadata }) => ({
            topic,
            partition,
            offset: String(offset),
            metadata,
          })),
        ),
        'Committing offsets',
      );
    } catch (error) {
      throw new CommitError(group, error);
    }
    if (this.#commits === before) throw new CommitError(group);
  }

  health(): SubscriptionHealth {
    return this.#membership.health();
  }

  async close(): Promise<void> {
    await this.#membership.close();
    this.#transport.closed();
  }

  async #connect(): Promise<void> {
    const { topics, group, sessionTimeoutMs, heartbeatMs, rebalanceTimeoutMs } = this.#options;
    const membership = this.#membership;
    const consumer = this.#kafka.consumer({
      groupId: group,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      maxWaitTimeInMs: MAX_WAIT_MS,
      maxBytesPerPartition: MAX_BYTES_PER_PARTITION,
      allowAutoTopicCreation: false,
      partitionAssigners: [stickyAssigner(() => membership.partitions)],
      retry: {
        initialRetryTime: 200,
        maxRetryTime: 5_000,
        retries: 8,
        // kafkajs waits up to 15 s before it starts again, and then with its broken connections
        restartOnFailure: async () => false,
      },
    });
    this.#consumer = consumer;
    membership.joining();
    let hasJoined = false;
    let connected = false;
    const crashes: unknown[] = [];
    let crashed: () => void = () => {};
    const broken = new Promise<void>((resolve) => {
      crashed = resolve;
    });
    let joined: () => void = () => {};
    const assigned = new Promise<void>((resolve) => {
      joined = resolve;
    });
    const current = (): boolean => this.#consumer === consumer;
    const alive = (): void => {
      if (current()) membership.alive();
    };
    const { events } = consumer;
    consumer.on(events.HEARTBEAT, () => {
      alive();
      if (current()) this.#heartbeat.answered();
    });
    consumer.on(events.FETCH, alive);
    consumer.on(events.COMMIT_OFFSETS, () => {
      if (current()) this.#commits++;
    });
    consumer.on(events.REBALANCING, () => {
      if (current()) membership.freeze();
    });
    consumer.on(events.GROUP_JOIN, ({ payload }) => {
      if (!current()) return;
      alive();
      hasJoined = true;
      const given: Readonly<Record<string, readonly number[]>> = payload.memberAssignment;
      membership.join(
        topics.flatMap((topic) => (given[topic] ?? []).map((partition) => ({ topic, partition }))),
      );
      joined();
    });
    consumer.on(events.CRASH, ({ payload }) => {
      if (!current()) return;
      membership.freeze();
      this.#listener.error(payload.error);
      if (connected) membership.rebuild();
      else {
        // it broke at its work, only faster than its offsets were read: not a broker that is away
        if (hasJoined) membership.countRebuild();
        crashes.push(payload.error);
        crashed();
      }
    });
    await within(this.#clock, CONNECT_WITHIN_MS, consumer.connect(), 'Connecting to Kafka');
    if (current()) await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    if (!current()) return consumer.disconnect(); // closed meanwhile
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload: KafkaBatchPayload) => {
        if (current()) this.#heartbeat.use(payload.heartbeat);
        return this.#eachBatch(payload);
      },
    });
    await Promise.race([assigned.then(() => membership.ready), broken]);
    // asked and not raced: it may have broken since the race was decided
    if (crashes.length > 0) throw crashes[0];
    connected = true; // from here on a crash has to start the next one
    membership.connected();
  }

  async #eachBatch(payload: KafkaBatchPayload): Promise<void> {
    try {
      const { topic, partition, messages, highWatermark } = payload.batch;
      await this.#membership.ready;
      const holds = this.#membership.holds();
      const current = (): boolean => payload.isRunning() && holds();
      const records = messages.map(toIncoming);
      let next = 0;
      while (next < records.length && current()) {
        const offered = next === 0 ? records : records.slice(next);
        const taken = this.#listener.admit(topic, partition, offered, Number(highWatermark));
        next += taken;
        if (taken > 0) payload.resolveOffset(String((records[next - 1] as IncomingRecord).offset));
        if (next < records.length && current() && !(await this.#room(payload, current))) {
          break;
        }
      }
    } catch (error) {
      this.#listener.error(error); // the rest of the batch is fetched again
    }
    await this.#heartbeat.beat(); // kafkajs sends one after the batch: too late to hold it back
    // kafkajs joins anew after the batch: not before what was running is done, if that is soon. The
    // broker reads nothing of a connection that waits for its join, so no commit comes after it.
    await this.#membership.handOver();
  }

  /**
   * Waits for room. Soon there, or when no other partition can be read either: the batch at hand
   * goes on, and a rebalance that is found meanwhile is held back by it. Else the partition is
   * paused, so that the others are read, and what is left is fetched again then.
   */
  async #room({ batch, pause }: KafkaBatchPayload, current: () => boolean): Promise<boolean> {
    const { topic, partition } = batch;
    const place = placeOf(topic, partition);
    const found = new AbortController();
    let resume: (() => void) | null = null;
    void this.#listener.space(topic, partition).then(() => {
      found.abort();
      resume?.();
      this.#paused.delete(place);
    });
    const wake = AbortSignal.any([found.signal, this.#membership.signal]);
    do {
      void this.#heartbeat.beat(); // nobody else sends one while the batch is at hand
      await sleep(this.#clock, ROOM_WITHIN_MS, wake);
    } while (!wake.aborted && current() && this.#othersWait(place));
    if (this.#membership.signal.aborted) return false;
    if (found.signal.aborted) return true;
    this.#paused.add(place);
    resume = pause();
    return false;
  }

  #othersWait(place: string): boolean {
    return this.#membership.partitions.every(({ topic, partition }) => {
      const other = placeOf(topic, partition);
      return other === place || this.#paused.has(other);
    });
  }

  async #discard(): Promise<void> {
    const consumer = this.#consumer;
    this.#consumer = null;
    this.#heartbeat.stop();
    if (!consumer) return;
    await within(this.#clock, LEAVE_WITHIN_MS, consumer.disconnect(), 'Leaving the group').catch(
      (error) => this.#listener.error(error),
    ); // the group notices by the session timeout
  }
}
