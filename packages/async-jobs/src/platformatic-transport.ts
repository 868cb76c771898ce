import { abortable, type Clock, sleep, systemClock } from './clock.ts';
import { QueueClosedError, TopicMissingError, TransportTimeoutError } from './errors.ts';
import { knownOptions } from './known-options.ts';
import { show } from './options.ts';
import {
  PlatformaticClient,
  type PlatformaticConnection,
  type PlatformaticError,
  type PlatformaticLike,
} from './platformatic-client.ts';
import { PlatformaticConsumer } from './platformatic-consumer.ts';
import { offsetsOf } from './platformatic-fetch.ts';
import { committedOf } from './platformatic-member.ts';
import { PlatformaticProducer } from './platformatic-producer.ts';
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

/** What `platformaticTransport` takes beside the module. */
export interface PlatformaticTransportOptions {
  /** What the clients of the module take: `bootstrapBrokers`, `clientId`, `tls`, `sasl` ... */
  readonly connection: PlatformaticConnection;
  /** Producer without duplicates of its own retries. Default true; false where the broker's ACLs forbid it. */
  readonly idempotent?: boolean;
  readonly clock?: Clock;
}

const LEADERS_WITHIN_MS = 15_000;
const ANSWER_WITHIN_MS = 30_000;
const DEFAULT_REPLICATION = -1;

/**
 * Jobs on Apache Kafka by the module `@platformatic/kafka`, 1.35 or later: what kafkajs does, with
 * a sixth of the CPU time for a record that is sent. Connections are made from `connection`, and are ours to close.
 *
 *     import * as kafka from '@platformatic/kafka';
 *     platformaticTransport(kafka, { connection: { clientId: 'shop', bootstrapBrokers: ['kafka:9092'] } })
 *
 * @throws TypeError when `kafka` is not that module, or `connection` names no brokers
 */
export function platformaticTransport(
  kafka: PlatformaticLike,
  options: PlatformaticTransportOptions,
): Transport {
  if (typeof kafka?.Base !== 'function' || typeof kafka.kGetApi !== 'symbol') {
    throw new TypeError(
      `Expected \`kafka\` to be the module @platformatic/kafka, got ${show(kafka)}`,
    );
  }
  return new PlatformaticTransport(kafka, options);
}

class PlatformaticTransport implements Transport {
  readonly name = 'platformatic';
  readonly #connect: () => PlatformaticClient;
  readonly #clock: Clock;
  readonly #producer: PlatformaticProducer;
  readonly #consumers = new Set<PlatformaticConsumer>();
  #admin: PlatformaticClient | null = null;
  #closed = false;

  constructor(kafka: PlatformaticLike, options: PlatformaticTransportOptions) {
    knownOptions(options, { connection: true, idempotent: true, clock: true });
    const { connection, idempotent = true, clock = systemClock } = options;
    if (!connection?.bootstrapBrokers?.length) {
      throw new TypeError(
        `Expected \`connection.bootstrapBrokers\` to name a broker, got ${show(connection?.bootstrapBrokers)}`,
      );
    }
    this.#clock = clock;
    this.#connect = () => new PlatformaticClient(kafka, connection, clock);
    this.#producer = new PlatformaticProducer(kafka, clock, this.#connect, idempotent);
  }

  send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void> {
    if (this.#closed) return Promise.reject(new QueueClosedError('The transport'));
    return this.#producer.send(records, timeoutMs);
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    const missing: TopicSpec[] = [];
    for (const spec of topics) if (!(await this.#exists(spec.topic))) missing.push(spec);
    if (missing.length > 0) await this.#ask((admin) => create(admin, missing));
    for (const { topic } of topics) await this.#leaders(topic);
  }

  subscribe(options: SubscribeOptions, listener: SubscriptionListener): Subscription {
    const closed = () => this.#consumers.delete(consumer);
    const consumer = new PlatformaticConsumer(
      this.#connect,
      this.#clock,
      options,
      listener,
      closed,
    );
    this.#consumers.add(consumer);
    return consumer;
  }

  async ping(signal: AbortSignal): Promise<void> {
    await abortable(
      this.#ask((admin) => admin.describe([])),
      signal,
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await this.#producer.close();
    await this.#admin?.close();
    this.#admin = null;
  }

  offsets(topic: string): Promise<PartitionOffsets[]> {
    return this.#ask((admin) => offsetsOf(admin, topic));
  }

  async committed(group: string, topic: string): Promise<AssignedPartition[]> {
    const found = await this.#ask((admin) => committedOf(admin, group, [topic]));
    return [...found.values()].sort((a, b) => a.partition - b.partition);
  }

  /** A client that does not answer is not asked again. */
  async #ask<T>(question: (admin: PlatformaticClient) => Promise<T>): Promise<T> {
    if (this.#closed) throw new QueueClosedError('The transport');
    this.#admin ??= this.#connect();
    const admin = this.#admin;
    try {
      return await within(this.#clock, ANSWER_WITHIN_MS, question(admin), 'Asking Kafka');
    } catch (error) {
      const isAnswer = error instanceof TopicMissingError || 'response' in (error as Error);
      if (!isAnswer && this.#admin === admin) {
        this.#admin = null;
        void admin.close();
      }
      throw error;
    }
  }

  async #exists(topic: string): Promise<boolean> {
    try {
      await this.#ask((admin) => admin.topic(topic, true));
      return true;
    } catch (error) {
      if (error instanceof TopicMissingError) return false;
      throw error;
    }
  }

  async #leaders(topic: string): Promise<void> {
    for (const until = this.#clock.now() + LEADERS_WITHIN_MS; ; ) {
      const leaders = await this.#ask((admin) => admin.topic(topic, true)).then(
        (found) => found.leaders,
        () => [], // not yet known to this broker
      );
      if (leaders.length > 0 && leaders.every((leader) => leader >= 0)) return;
      if (this.#clock.now() > until) {
        throw new TransportTimeoutError('Electing leaders of new topics', LEADERS_WITHIN_MS);
      }
      await sleep(this.#clock, 100);
    }
  }
}

async function create(admin: PlatformaticClient, topics: readonly TopicSpec[]): Promise<void> {
  const controller = await admin.describe([]);
  try {
    const wanted = topics.map(toTopicConfig);
    await admin.call(controller, 'CreateTopics', wanted, ANSWER_WITHIN_MS, false);
  } catch (error) {
    // Each was answered for itself; another process may have been faster with some
    const { errors } = error as PlatformaticError;
    if (!errors?.every(({ apiId }) => apiId === 'TOPIC_ALREADY_EXISTS')) throw error;
  }
}

function toTopicConfig({ topic, partitions, replicationFactor, retentionMs }: TopicSpec): object {
  const configs =
    retentionMs === undefined ? [] : [{ name: 'retention.ms', value: String(retentionMs) }];
  return {
    name: topic,
    numPartitions: partitions,
    replicationFactor: replicationFactor ?? DEFAULT_REPLICATION,
    assignments: [],
    configs,
  };
}
