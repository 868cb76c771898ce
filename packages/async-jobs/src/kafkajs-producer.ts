import { type Clock, within } from './clock.ts';
import { TransportTimeoutError } from './errors.ts';
import type { KafkaLike, KafkaProducerLike } from './kafkajs-client.ts';
import { toWire } from './kafkajs-headers.ts';
import { partitionOf } from './partitioner.ts';
import type { OutgoingRecord } from './transport.ts';

const REBUILD_AFTER = 3;
// Of payload; with keys and headers it stays below the broker's default of 1 MiB a batch
const MAX_REQUEST_BYTES = 256 * 1024;
const GZIP = 1;
const GZIP_FROM_BYTES = 1024;
const ALL_REPLICAS = -1;

// A request with few batches is cheaper for both sides: so many records without a key stay together
const TOGETHER = 64;

interface PartitionChoice {
  readonly partitionMetadata: readonly unknown[];
  readonly message: { readonly key: string | null; readonly turn: number };
}

/** The records of one call of `send` for one topic, waiting for their acknowledgement. */
interface Call {
  readonly records: readonly OutgoingRecord[];
  readonly timeoutMs: number;
  readonly acked: () => void;
  readonly failed: (error: unknown) => void;
  /** The caller waits no more: not to be sent any more. */
  late: boolean;
}

/**
 * A kafkajs producer that cannot hang: every send has an outer limit, because a frozen broker
 * makes kafkajs wait for minutes, and after three failures in a row the client is replaced,
 * because its dead sockets do not recover.
 *
 * Per topic one request is under way at a time, with everything that was to be sent when it
 * began: calls made at the same time share a request, and the order of calls is the order in the
 * log. A topic that is missing or stuck holds up no other.
 */
export class KafkajsProducer {
  readonly #kafka: KafkaLike;
  readonly #clock: Clock;
  readonly #idempotent: boolean;
  readonly #waiting = new Map<string, Call[]>();
  #producer: Promise<KafkaProducerLike> | null = null;
  #failures = 0;
  #turn = 0;

  constructor(kafka: KafkaLike, clock: Clock, idempotent: boolean) {
    this.#kafka = kafka;
    this.#clock = clock;
    this.#idempotent = idempotent;
  }

  /** Resolves when all in-sync replicas have all records; of none, when it is connected. @throws TransportTimeoutError */
  async send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void> {
    if (records.length === 0) {
      await this.#within(timeoutMs, this.#connected());
      return;
    }
    const topics = new Map<string, OutgoingRecord[]>();
    for (const record of records) {
      const list = topics.get(record.topic);
      if (list) list.push(record);
      else topics.set(record.topic, [record]);
    }
    await Promise.all([...topics].map(([topic, list]) => this.#enqueue(topic, list, timeoutMs)));
  }

  async close(): Promise<void> {
    const producer = this.#producer;
    this.#producer = null;
    await (await producer?.catch(() => null))?.disconnect();
  }

  #enqueue(topic: string, records: OutgoingRecord[], timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const limit = this.#clock.setTimeout(() => {
        call.late = true;
        reject(new TransportTimeoutError('Sending to Kafka', timeoutMs));
      }, timeoutMs);
      const call: Call = {
        records,
        timeoutMs,
        acked: () => {
          this.#clock.clearTimeout(limit);
          resolve();
        },
        failed: (error) => {
          this.#clock.clearTimeout(limit);
          reject(error);
        },
        late: false,
      };
      const waiting = this.#waiting.get(topic);
      if (waiting) {
        waiting.push(call);
        return;
      }
      const opened = [call];
      this.#waiting.set(topic, opened);
      void this.#work(topic, opened);
    });
  }

  async #work(topic: string, waiting: Call[]): Promise<void> {
    await Promise.resolve(); // calls of the same turn of the event loop go together
    while (waiting.length > 0) {
      const calls = take(waiting);
      if (calls.length === 0) continue;
      try {
        await this.#request(calls);
        for (const call of calls) call.acked();
      } catch (error) {
        if (calls.length === 1 || error instanceof TransportTimeoutError) {
          for (const call of calls) call.failed(error);
        } else {
          // One record may be to blame, say for its size: the others must not suffer for it
          for (const call of calls) await this.#request([call]).then(call.acked, call.failed);
        }
      }
    }
    this.#waiting.delete(topic);
  }

  async #request(calls: readonly Call[]): Promise<void> {
    const timeoutMs = Math.max(...calls.map((call) => call.timeoutMs));
    const records = calls.flatMap((call) => call.records);
    try {
      await this.#within(timeoutMs, this.#send(records, timeoutMs));
      this.#failures = 0;
    } catch (error) {
      this.#failures++;
      if (this.#failures >= REBUILD_AFTER) this.#discard();
      throw error;
    }
  }

  async #send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void> {
    const producer = await this.#connected();
    let bytes = 0;
    for (const { value } of records) bytes += value.length;
    await producer.send({
      topic: (records[0] as OutgoingRecord).topic,
      acks: ALL_REPLICAS,
      timeout: timeoutMs,
      ...(bytes / records.length > GZIP_FROM_BYTES ? { compression: GZIP } : {}),
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

  #within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
    const late = () => new TransportTimeoutError('Sending to Kafka', timeoutMs);
    return within(this.#clock, timeoutMs, promise, late);
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
    this.#failures = 0;
    void producer?.then((old) => old.disconnect()).catch(() => {}); // it was broken already
  }
}

/** Takes the calls of the next request out: the oldest, and those after it that fit. */
function take(waiting: Call[]): Call[] {
  let count = 0;
  for (let bytes = 0; count < waiting.length && bytes < MAX_REQUEST_BYTES; count++) {
    for (const { value } of (waiting[count] as Call).records) bytes += value.length;
  }
  return waiting.splice(0, count).filter(({ late }) => !late);
}
