import type { Clock } from './clock.ts';
import type { KafkaLike, KafkaProducerLike } from './kafkajs-client.ts';
import { partitionOf } from './partitioner.ts';
import { GZIP_FROM_BYTES, meanBytes, SendQueue, TOGETHER } from './send-queue.ts';
import type { OutgoingRecord } from './transport.ts';
import { toWire } from './wire-headers.ts';

const GZIP = 1;
const ALL_REPLICAS = -1;

interface PartitionChoice {
  readonly partitionMetadata: readonly unknown[];
  readonly message: { readonly key: string | null; readonly turn: number };
}

/** A kafkajs producer behind a `SendQueue`, with the partitioner of Kafka's Java client. */
export class KafkajsProducer {
  readonly #kafka: KafkaLike;
  readonly #idempotent: boolean;
  readonly #queue: SendQueue;
  #producer: Promise<KafkaProducerLike> | null = null;
  #turn = 0;

  constructor(kafka: KafkaLike, clock: Clock, idempotent: boolean) {
    this.#kafka = kafka;
    this.#idempotent = idempotent;
    const sender = {
      connect: () => this.#connected(),
      send: (records: readonly OutgoingRecord[], timeoutMs: number) =>
        this.#send(records, timeoutMs),
      discard: () => this.#discard(),
    };
    this.#queue = new SendQueue(sender, clock);
  }

  /** Resolves when all in-sync replicas have all records; of none, when it is connected. @throws TransportTimeoutError */
  send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void> {
    return this.#queue.send(records, timeoutMs);
  }

  async close(): Promise<void> {
    const producer = this.#producer;
    this.#producer = null;
    await (await producer?.catch(() => null))?.disconnect();
  }

  async #send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void> {
    const producer = await this.#connected();
    await producer.send({
      topic: (records[0] as OutgoingRecord).topic,
      acks: ALL_REPLICAS,
      timeout: timeoutMs,
      ...(meanBytes(records) > GZIP_FROM_BYTES ? { compression: GZIP } : {}),
      messages: this.#messages(records),
    });
  }

  /** Records without a key go to a partition by the chunk, and every request begins at the next one. */
  #messages(records: readonly OutgoingRecord[]): object[] {
    let keyless = 0;
    // The turn is drawn here and not by the partitioner: kafkajs asks that again when it repeats
    const turnOf = (key: string | null): number =>
      key === null ? this.#turn + Math.floor(keyless++ / TOGETHER) : 0;
    const messages = records.map(({ key, value, headers }) => ({
      key,
      value,
      headers: toWire(headers),
      turn: turnOf(key),
    }));
    this.#turn += Math.ceil(keyless / TOGETHER);
    return messages;
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
            message.key === null
              ? message.turn % partitionMetadata.length
              : partitionOf(message.key, partitionMetadata.length),
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
    void producer?.then((old) => old.disconnect()).catch(() => {}); // it was broken already
  }
}
