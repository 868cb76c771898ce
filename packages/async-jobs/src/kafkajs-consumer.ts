import { type Clock, sleep, within } from './clock.ts';
import { CommitError, TransportTimeoutError } from './errors.ts';
import { stickyAssigner } from './kafkajs-assigner.ts';
import type { KafkaBatchPayload, KafkaConsumerLike, KafkaLike } from './kafkajs-client.ts';
import { toIncoming } from './kafkajs-headers.ts';
import { KafkajsHeartbeat } from './kafkajs-heartbeat.ts';
import type {
  AssignedPartition,
  IncomingRecord,
  OffsetCommit,
  SubscribeOptions,
  Subscription,
  SubscriptionHealth,
  SubscriptionListener,
} from './transport.ts';

const MAX_WAIT_MS = 500;
const MAX_BYTES_PER_PARTITION = 512 * 1024;
const START_ATTEMPTS = 5;
const CONNECT_WITHIN_MS = 10_000;
const COMMIT_WITHIN_MS = 10_000;
const COMMITTED_WITHIN_MS = 5_000;
const LEAVE_WITHIN_MS = 5_000;
const ROOM_WITHIN_MS = 100;
const HAND_OVER_WITHIN_MS = 2_000;
const SILENT_LIMIT_MS = 60_000;
const REBUILD_WINDOW_MS = 300_000;

/** What the group has committed on the subscription's topics, by `<topic>/<partition>`. */
type Committed = () => Promise<Map<string, AssignedPartition>>;

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
  readonly #committed: Committed;
  readonly #closing = new AbortController();
  readonly #heartbeat: KafkajsHeartbeat;
  #consumer: KafkaConsumerLike | null = null;
  #state: SubscriptionHealth['state'] = 'joining';
  #partitions: readonly { readonly topic: string; readonly partition: number }[] = [];
  /** Counts assignments: whoever awaited something asks whether it is still his. */
  #generation = 0;
  /** The listener was told to start nothing, and waits for an assignment. */
  #frozen = false;
  /** Resolves when what was running at the freeze has ended and is committed. */
  #handedOver: Promise<void> = Promise.resolve();
  #ready: Promise<void> = Promise.resolve();
  /** Partitions that wait for room, by `<topic>/<partition>`. */
  readonly #paused = new Set<string>();
  #commits = 0;
  #aliveAt = 0;
  #rebuilds: number[] = [];
  #rebuilding: Promise<void> | null = null;
  #watchdog: unknown = null;

  constructor(
    kafka: KafkaLike,
    clock: Clock,
    options: SubscribeOptions,
    listener: SubscriptionListener,
    committed: Committed,
  ) {
    this.#kafka = kafka;
    this.#clock = clock;
    this.#options = options;
    this.#listener = listener;
    this.#committed = committed;
    this.#heartbeat = new KafkajsHeartbeat(clock, options.heartbeatMs, () => this.#freeze());
  }

  async start(): Promise<void> {
    const { signal } = this.#closing;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#connect();
        break;
      } catch (error) {
        await this.#discard();
        if (attempt === START_ATTEMPTS || signal.aborted) throw error;
        this.#listener.error(error); // a broker that has just started is still loading its groups
        await sleep(this.#clock, 250 * 2 ** attempt, signal);
      }
    }
    this.#watch();
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
        () => new TransportTimeoutError('Committing offsets', COMMIT_WITHIN_MS),
      );
    } catch (error) {
      throw new CommitError(group, error);
    }
    if (this.#commits === before) throw new CommitError(group);
  }

  health(): SubscriptionHealth {
    const now = this.#clock.now();
    return {
      state: this.#state,
      partitions: this.#partitions.length,
      silentMs: this.#aliveAt === 0 ? 0 : now - this.#aliveAt,
      rebuilds: this.#rebuilds.filter((at) => now - at < REBUILD_WINDOW_MS).length,
    };
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#state = 'closed';
    this.#clock.clearTimeout(this.#watchdog);
    this.#generation++;
    await this.#rebuilding;
    await this.#discard();
  }

  async #connect(): Promise<void> {
    const { topics, group, sessionTimeoutMs, heartbeatMs, rebalanceTimeoutMs } = this.#options;
    const consumer = this.#kafka.consumer({
      groupId: group,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      maxWaitTimeInMs: MAX_WAIT_MS,
      maxBytesPerPartition: MAX_BYTES_PER_PARTITION,
      allowAutoTopicCreation: false,
      partitionAssigners: [stickyAssigner(() => this.#partitions)],
      retry: {
        initialRetryTime: 200,
        maxRetryTime: 5_000,
        retries: 8,
        // kafkajs waits up to 15 s before it starts again, and then with its broken connections
        restartOnFailure: async () => false,
      },
    });
    this.#consumer = consumer;
    this.#state = 'joining';
    let hasJoined = false;
    let connected = false;
    let failed: (error: unknown) => void = () => {};
    const crashed = new Promise<never>((_, reject) => {
      failed = reject;
    });
    crashed.catch(() => {});
    let joined: () => void = () => {};
    const assigned = new Promise<void>((resolve) => {
      joined = resolve;
    });
    const current = (): boolean => this.#consumer === consumer;
    const alive = (): void => {
      if (current()) this.#aliveAt = this.#clock.now();
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
      if (current()) this.#freeze();
    });
    consumer.on(events.GROUP_JOIN, ({ payload }) => {
      if (!current()) return;
      alive();
      hasJoined = true;
      this.#join(payload.memberAssignment);
      joined();
    });
    consumer.on(events.CRASH, ({ payload }) => {
      if (!current()) return;
      this.#freeze();
      this.#listener.error(payload.error);
      if (connected) this.#rebuild();
      else {
        // it broke at its work, only faster than its offsets were read: not a broker that is away
        if (hasJoined) this.#countRebuild();
        failed(payload.error);
      }
    });
    await within(
      this.#clock,
      CONNECT_WITHIN_MS,
      consumer.connect(),
      () => new TransportTimeoutError('Connecting to Kafka', CONNECT_WITHIN_MS),
    );
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload: KafkaBatchPayload) => {
        if (current()) this.#heartbeat.use(payload.heartbeat);
        return this.#eachBatch(payload);
      },
    });
    await Promise.race([assigned.then(() => this.#ready), crashed]);
    connected = true;
    this.#rebuilding = null; // from here on a crash has to start the next one
    if (current() && !this.#closing.signal.aborted) this.#state = 'running';
  }

  #freeze(): void {
    this.#generation++;
    if (this.#frozen) return;
    this.#frozen = true;
    this.#handedOver = this.#listener.rebalancing();
  }

  #join(assignment: Readonly<Record<string, readonly number[]>>): void {
    this.#freeze(); // kafkajs also joins anew without announcing it, when its metadata are stale
    this.#partitions = this.#options.topics.flatMap((topic) =>
      (assignment[topic] ?? []).map((partition) => ({ topic, partition })),
    );
    this.#ready = this.#assign(this.#generation);
  }

  async #assign(generation: number): Promise<void> {
    const partitions = this.#partitions;
    let committed = new Map<string, AssignedPartition>();
    try {
      committed = await within(
        this.#clock,
        COMMITTED_WITHIN_MS,
        this.#committed(),
        () => new TransportTimeoutError('Reading committed offsets', COMMITTED_WITHIN_MS),
      );
    } catch (error) {
      this.#listener.error(error); // without the map some jobs may be delivered twice, none is lost
    }
    if (generation !== this.#generation) return;
    this.#frozen = false;
    this.#listener.assigned(
      partitions.map(
        (one) => committed.get(placeOf(one.topic, one.partition)) ?? { ...one, committed: null },
      ),
    );
  }

  async #eachBatch(payload: KafkaBatchPayload): Promise<void> {
    try {
      const { topic, partition, messages, highWatermark } = payload.batch;
      await this.#ready;
      const generation = this.#generation;
      const current = (): boolean =>
        payload.isRunning() && generation === this.#generation && !this.#frozen;
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
    if (this.#frozen) await this.#handOver();
  }

  /**
   * kafkajs joins anew after the batch: not before what was running is done, if that is soon. The
   * broker reads nothing of a connection that waits for its join, so no commit comes after it.
   */
  async #handOver(): Promise<void> {
    const done = new AbortController();
    void this.#handedOver.then(() => done.abort());
    const limitMs = Math.min(HAND_OVER_WITHIN_MS, this.#options.rebalanceTimeoutMs / 2);
    await sleep(this.#clock, limitMs, AbortSignal.any([done.signal, this.#closing.signal]));
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
    const wake = AbortSignal.any([found.signal, this.#closing.signal]);
    do {
      void this.#heartbeat.beat(); // nobody else sends one while the batch is at hand
      await sleep(this.#clock, ROOM_WITHIN_MS, wake);
    } while (!wake.aborted && current() && this.#othersWait(place));
    if (this.#closing.signal.aborted) return false;
    if (found.signal.aborted) return true;
    this.#paused.add(place);
    resume = pause();
    return false;
  }

  #othersWait(place: string): boolean {
    return this.#partitions.every(({ topic, partition }) => {
      const other = placeOf(topic, partition);
      return other === place || this.#paused.has(other);
    });
  }

  #watch(): void {
    this.#watchdog = this.#clock.setTimeout(() => {
      if (this.#closing.signal.aborted) return;
      const silent = this.#clock.now() - this.#aliveAt > SILENT_LIMIT_MS;
      if (silent && this.#state === 'running') this.#rebuild();
      this.#watch();
    }, SILENT_LIMIT_MS / 6);
  }

  #rebuild(): void {
    if (this.#rebuilding || this.#closing.signal.aborted) return;
    const rebuilding = this.#replace().finally(() => {
      if (this.#rebuilding === rebuilding) this.#rebuilding = null;
    });
    this.#rebuilding = rebuilding;
  }

  #countRebuild(): void {
    const now = this.#clock.now();
    this.#rebuilds = [...this.#rebuilds.filter((at) => now - at < REBUILD_WINDOW_MS), now];
  }

  async #replace(): Promise<void> {
    this.#freeze();
    this.#partitions = [];
    this.#countRebuild();
    const { signal } = this.#closing;
    for (let delayMs = 500; !signal.aborted; delayMs = Math.min(5_000, delayMs * 2)) {
      this.#state = 'rebuilding';
      await this.#discard();
      await sleep(this.#clock, delayMs, signal);
      if (signal.aborted) return;
      try {
        await this.#connect();
        return;
      } catch (error) {
        this.#listener.error(error);
      }
    }
  }

  async #discard(): Promise<void> {
    const consumer = this.#consumer;
    this.#consumer = null;
    this.#heartbeat.stop();
    if (!consumer) return;
    await within(
      this.#clock,
      LEAVE_WITHIN_MS,
      consumer.disconnect(),
      () => new TransportTimeoutError('Leaving the group', LEAVE_WITHIN_MS),
    ).catch((error) => this.#listener.error(error)); // the group notices by the session timeout
  }
}

function placeOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
