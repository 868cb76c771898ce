import { type Clock, within } from './clock.ts';
import { TransportTimeoutError } from './errors.ts';
import type { KafkaLike, KafkaProducerLike } from './kafkajs-client.ts';
import { partitionOf } from './partitioner.ts';
import type { OutgoingRecord } from './transport.ts';

const REBUILD_AFTER = 3;
const GZIP = 1;
const GZIP_FROM_BYTES = 1024;
const ALL_REPLICAS = -1;

interface PartitionChoice {
  readonly partitionMetadata: readonly unknown[];
  readonly message: { readonly key: string | Buffer };
}

/**
 * A kafkajs producer that cannot hang: every send has an outer limit, because a frozen broker
 * makes kafkajs wait for minutes, and after three failures in a row the client is replaced,
 * because its dead sockets do not recover.
 */
export class KafkajsProducer {
  readonly #kafka: KafkaLike;
  readonly #clock: Clock;
  readonly #idempotent: boolean;
  #producer: Promise<KafkaProducerLike> | null = null;
  #failures = 0;

  constructor(kafka: KafkaLike, clock: Clock, idempotent: boolean) {
    this.#kafka = kafka;
    this.#clock = clock;
    this.#idempotent = idempotent;
  }

  /** Resolves when all in-sync replicas have all records; of none, when it is connected. @throws TransportTimeoutError */
  async send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void> {
    try {
      await within(
        this.#clock,
        timeoutMs,
        this.#send(records, timeoutMs),
        () => new TransportTimeoutError('Sending to Kafka', timeoutMs),
      );
      this.#failures = 0;
    } catch (error) {
      this.#failures++;
      if (this.#failures >= REBUILD_AFTER) this.#discard();
      throw error;
    }
  }

  async close(): Promise<void> {
    const producer = this.#producer;
    this.#producer = null;
    await (await producer?.catch(() => null))?.disconnect();
  }

  async #send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void> {
    const producer = await this.#connected();
    if (records.length === 0) return;
    const topics = new Map<string, OutgoingRecord[]>();
    let bytes = 0;
    for (const record of records) {
      const list = topics.get(record.topic);
      if (list) list.push(record);
      else topics.set(record.topic, [record]);
      bytes += record.value.length;
    }
    await producer.sendBatch({
      acks: ALL_REPLICAS,
      timeout: timeoutMs,
      ...(bytes / records.length > GZIP_FROM_BYTES ? { compression: GZIP } : {}),
      topicMessages: [...topics].map(([topic, list]) => ({
        topic,
        messages: list.map(({ key, value, headers }) => ({ key, value, headers })),
      })),
    });
  }

  #connected(): Promise<KafkaProducerLike> {
    this.#producer ??= this.#connect();
    return this.#producer;
  }

  async #connect(): Promise<KafkaProducerLike> {
    try {
      const producer = this.#kafka.producer({
        // Said explicitly: kafkajs changed its default partitioner between versions
        createPartitioner:
          () =>
          ({ partitionMetadata, message }: PartitionChoice) =>
            partitionOf(message.key, partitionMetadata.length),
        idempotent: this.#idempotent,
        maxInFlightRequests: 5,
        allowAutoTopicCreation: false,
        retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 10 },
      });
      await producer.connect();
      return producer;
    } catch (error) {
      this.#producer = null;
      throw error;
    }
  }

  #discard(): void {
    const producer = this.#producer;
    this.#producer = null;
    this.#failures = 0;
    void producer?.then((old) => old.disconnect()).catch(() => {}); // it was broken already
  }
}
