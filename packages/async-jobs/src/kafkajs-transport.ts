import { abortable, type Clock, sleep, systemClock } from './clock.ts';
import { QueueClosedError, TransportTimeoutError } from './errors.ts';
import type { KafkaAdminLike, KafkaLike } from './kafkajs-client.ts';
import { KafkajsConsumer } from './kafkajs-consumer.ts';
import { letIdleConnectionsSleep } from './kafkajs-idle.ts';
import { KafkajsProducer } from './kafkajs-producer.ts';
import { knownOptions } from './known-options.ts';
import { show } from './options.ts';
import { placeOf } from './topic-partition.ts';
import type {
  AssignedPartition,
  OutgoingRecord,
  PartitionOffsets,
  SubscribeOptions,
  Subscription,
  SubscriptionListener,
  TopicSpec,
  Transport,
} from './transport.ts';
import { within } from './within.ts';

/** What `kafkajsTransport` takes beside the client. */
export interface KafkajsTransportOptions {
  /** Producer without duplicates of its own retries. Default true; false where the broker's ACLs forbid it. */
  readonly idempotent?: boolean;
  readonly clock?: Clock;
}

const LEADERS_WITHIN_MS = 15_000;

/**
 * Jobs on Apache Kafka by kafkajs 2. Producers, consumers and one admin client are made from the
 * given `Kafka`, and are ours to close.
 *
 * @throws TypeError when `kafka` is not a kafkajs client
 */
export function kafkajsTransport(
  kafka: KafkaLike,
  options: KafkajsTransportOptions = {},
): Transport {
  if (typeof kafka?.consumer !== 'function') {
    throw new TypeError(`Expected \`kafka\` to be a kafkajs client, got ${show(kafka)}`);
  }
  return new KafkajsTransport(kafka, options);
}

class KafkajsTransport implements Transport {
  readonly name = 'kafkajs';
  readonly #kafka: KafkaLike;
  readonly #clock: Clock;
  readonly #producer: KafkajsProducer;
  readonly #consumers = new Set<KafkajsConsumer>();
  #admin: Promise<KafkaAdminLike> | null = null;
  #closed = false;

  constructor(kafka: KafkaLike, options: KafkajsTransportOptions) {
    knownOptions(options, { idempotent: true, clock: true });
    this.#kafka = kafka;
    this.#clock = options.clock ?? systemClock;
    void letIdleConnectionsSleep(kafka);
    this.#producer = new KafkajsProducer(kafka, this.#clock, options.idempotent ?? true);
  }

  send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void> {
    if (this.#closed) return Promise.reject(new QueueClosedError('The transport'));
    return this.#producer.send(records, timeoutMs);
  }

  ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    return this.#ask((admin) => this.#ensureTopics(admin, topics));
  }

  subscribe(options: SubscribeOptions, listener: SubscriptionListener): Subscription {
    const consumer = new KafkajsConsumer(this.#kafka, this.#clock, options, listener, {
      committed: () => this.#committedOf(options),
      closed: () => this.#consumers.delete(consumer),
    });
    this.#consumers.add(consumer);
    return consumer;
  }

  async ping(signal: AbortSignal): Promise<void> {
    await abortable(
      this.#ask((admin) => admin.describeCluster()),
      signal,
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await this.#producer.close();
    await this.#discardAdmin();
  }

  async offsets(topic: string): Promise<PartitionOffsets[]> {
    const found = await this.#ask((admin) => admin.fetchTopicOffsets(topic));
    return found
      .map(({ partition, high, low }) => ({ partition, first: Number(low), next: Number(high) }))
      .sort((a, b) => a.partition - b.partition);
  }

  async committed(group: string, topic: string): Promise<AssignedPartition[]> {
    return [...(await this.#committedOf({ group, topics: [topic] })).values()];
  }

  async #committedOf({
    topics,
    group,
  }: Pick<SubscribeOptions, 'topics' | 'group'>): Promise<Map<string, AssignedPartition>> {
    const answer = await this.#ask((admin) =>
      admin.fetchOffsets({ groupId: group, topics: [...topics] }),
    );
    const found = new Map<string, AssignedPartition>();
    for (const { topic, partitions } of answer) {
      for (const { partition, offset, metadata } of partitions) {
        const known = Number(offset) >= 0 ? { offset: Number(offset), metadata } : null;
        found.set(placeOf(topic, partition), { topic, partition, committed: known });
      }
    }
    return found;
  }

  async #ask<T>(question: (admin: KafkaAdminLike) => Promise<T>): Promise<T> {
    const asked = this.#connectedAdmin();
    const admin = await asked;
    try {
      return await question(admin);
    } catch (error) {
      // Closed under this question because of another one's error: not this one's fault
      if (this.#admin !== asked && !this.#closed) return question(await this.#connectedAdmin());
      await this.#discardAdmin();
      // kafkajs stumbles over a topic that it forgets while it learns of another one
      if (error instanceof TypeError && !this.#closed)
        return question(await this.#connectedAdmin());
      throw error;
    }
  }

  async #ensureTopics(admin: KafkaAdminLike, topics: readonly TopicSpec[]): Promise<void> {
    const existing = new Set(await admin.listTopics());
    const missing = topics.filter(({ topic }) => !existing.has(topic)).map(toTopicConfig);
    if (missing.length > 0) {
      // false: another process was faster with one of them, so each is asked for alone
      const created = await admin.createTopics({ waitForLeaders: false, topics: missing });
      for (const topic of created ? [] : missing) {
        await admin.createTopics({ waitForLeaders: false, topics: [topic] });
      }
    }
    await this.#leaders(
      admin,
      topics.map(({ topic }) => topic),
    );
  }

  async #leaders(admin: KafkaAdminLike, topics: string[]): Promise<void> {
    const until = this.#clock.now() + LEADERS_WITHIN_MS;
    for (;;) {
      const ready = await admin.fetchTopicMetadata({ topics }).then(
        (answer) =>
          answer.topics.every(
            ({ partitions }) =>
              partitions.length > 0 && partitions.every(({ leader }) => leader >= 0),
          ),
        () => false, // not yet known to this broker
      );
      if (ready) return;
      if (this.#clock.now() > until) {
        throw new TransportTimeoutError('Electing leaders of new topics', LEADERS_WITHIN_MS);
      }
      await sleep(this.#clock, 100);
    }
  }

  #connectedAdmin(): Promise<KafkaAdminLike> {
    if (this.#closed) return Promise.reject(new QueueClosedError('The transport'));
    this.#admin ??= (async () => {
      const admin = this.#kafka.admin({ retry: { retries: 4 } });
      try {
        await admin.connect();
        return admin;
      } catch (error) {
        this.#admin = null;
        throw error;
      }
    })();
    return this.#admin;
  }

  async #discardAdmin(): Promise<void> {
    const admin = this.#admin;
    this.#admin = null;
    const old = await admin?.catch(() => null);
    if (!old) return;
    await within(this.#clock, 2_000, old.disconnect(), 'Disconnecting').catch(() => {}); // it is being thrown away
  }
}

function toTopicConfig({ topic, partitions, replicationFactor, retentionMs }: TopicSpec): object {
  const configEntries =
    retentionMs === undefined ? [] : [{ name: 'retention.ms', value: String(retentionMs) }];
  return {
    topic,
    numPartitions: partitions,
    ...(replicationFactor !== undefined && { replicationFactor }),
    configEntries,
  };
}
