import { type Clock, keepAlive, sleep } from './clock.ts';
import { QueueClosedError, TopicMissingError, TransportTimeoutError } from './errors.ts';
import { partitionOf } from './partitioner.ts';
import {
  isError,
  type PlatformaticClient,
  type PlatformaticError,
  type PlatformaticLike,
} from './platformatic-client.ts';
import {
  type BatchOrigin,
  compressRecords,
  encodeRecords,
  NOBODY,
  produceRequest,
  toBatch,
} from './record-batch.ts';
import { GZIP_FROM_BYTES, meanBytes, SendQueue, TOGETHER } from './send-queue.ts';
import { placeOf } from './topic-partition.ts';
import type { OutgoingRecord } from './transport.ts';

const RETRY_MS = 100;
const MAX_RETRY_MS = 2_000;

/** A producer as the broker knows it. What it has sent to a partition is counted. */
interface Identity {
  readonly producerId: bigint;
  readonly epoch: number;
  readonly sent: Map<string, number>;
}

/** The records of one request for one partition. */
interface Batch {
  readonly partition: number;
  /** Encoded once and sent again unchanged: the broker knows it by its number. */
  readonly bytes: Buffer;
}

interface ProduceResponse {
  readonly responses: readonly {
    readonly partitionResponses: readonly { readonly index: number; readonly errorCode: number }[];
  }[];
}

/**
 * Sends records by requests encoded here, each into one piece of memory: a sixth of the
 * CPU time that kafkajs spends on a record.
 *
 * Idempotent: a request that was cut off is sent again with the same number, and the broker keeps
 * one. When it is given up instead nobody knows whether it is stored: the next one is sent under a
 * new identity, because its number might be that one's.
 */
export class PlatformaticProducer {
  readonly #kafka: PlatformaticLike;
  readonly #clock: Clock;
  readonly #connect: () => PlatformaticClient;
  readonly #idempotent: boolean;
  readonly #queue: SendQueue;
  /** The requests that have not been answered, by topic. */
  readonly #open = new Map<string, symbol>();
  #client: PlatformaticClient | null = null;
  #identity: Promise<Identity> | null = null;
  #turn = 0;
  #closed = false;

  constructor(
    kafka: PlatformaticLike,
    clock: Clock,
    connect: () => PlatformaticClient,
    idempotent: boolean,
  ) {
    this.#kafka = kafka;
    this.#clock = clock;
    this.#connect = connect;
    this.#idempotent = idempotent;
    const sender = {
      connect: async () => {
        await this.#connected().describe([]);
        await this.#identified();
      },
      send: (records: readonly OutgoingRecord[], timeoutMs: number) =>
        this.#send(records, timeoutMs),
      discard: () => void this.#discard(),
    };
    this.#queue = new SendQueue(sender, clock);
  }

  /** Resolves when all in-sync replicas have all records; of none, when it is connected. @throws TransportTimeoutError */
  send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void> {
    return this.#queue.send(records, timeoutMs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#discard();
  }

  async #discard(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    this.#identity = null;
    await client?.close();
  }

  async #send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void> {
    const { topic } = records[0] as OutgoingRecord;
    const until = this.#clock.now() + timeoutMs;
    if (this.#open.has(topic)) this.#identity = null;
    const request = Symbol(topic);
    this.#open.set(topic, request);
    const letGo = keepAlive(); // also between two connections
    let identified: Promise<Identity> | null = null;
    try {
      const { client, identity, partitions } = await this.#again(until, async () => {
        identified = this.#identified();
        const client = this.#connected();
        const identity = await identified;
        return { client, identity, partitions: (await client.topic(topic)).leaders.length };
      });
      let batches: Batch[] = await Promise.all(
        this.#spread(records, partitions).map(([partition, own]) =>
          this.#encode(partition, own, this.#next(identity, placeOf(topic, partition), own.length)),
        ),
      );
      await this.#again(until, async () => {
        batches = await this.#deliver(client, topic, batches, timeoutMs);
        if (batches.length === 0 || client !== this.#client) return;
        await client.topic(topic, true); // others may lead by now
        throw new TransportTimeoutError('Sending to Kafka', timeoutMs);
      });
      if (batches.length > 0) throw new TransportTimeoutError('Sending to Kafka', timeoutMs);
    } catch (error) {
      if (this.#identity === identified) this.#identity = null;
      throw error;
    } finally {
      letGo();
      if (this.#open.get(topic) === request) this.#open.delete(topic);
    }
  }

  /** Tries until it succeeds, fails for good, or the time is up. */
  async #again<T>(until: number, attempt: () => Promise<T>): Promise<T> {
    for (let delayMs = RETRY_MS; ; delayMs = Math.min(MAX_RETRY_MS, delayMs * 2)) {
      try {
        return await attempt();
      } catch (error) {
        if (isFinal(error as PlatformaticError)) throw error;
        await sleep(this.#clock, delayMs);
        if (this.#clock.now() >= until) throw error;
      }
    }
  }

  /** Sends batches to the leaders of their partitions. Gives those back that are to be sent again. */
  async #deliver(
    client: PlatformaticClient,
    topic: string,
    batches: readonly Batch[],
    timeoutMs: number,
  ): Promise<Batch[]> {
    const { leaders } = await client.topic(topic);
    const byLeader = new Map<number, Batch[]>();
    for (const batch of batches) {
      const leader = leaders[batch.partition] ?? -1;
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), batch]);
    }
    const again = await Promise.all(
      [...byLeader].map(async ([leader, own]) => {
        if (leader < 0) return own;
        try {
          await client.produce(leader, produceRequest(topic, own, timeoutMs));
          return [];
        } catch (error) {
          return unstored(error as PlatformaticError, own);
        }
      }),
    );
    return again.flat();
  }

  /** Records by partition. Those without a key go by the chunk, and every request begins at the next one. */
  #spread(
    records: readonly OutgoingRecord[],
    partitions: number,
  ): [partition: number, records: OutgoingRecord[]][] {
    const found = new Map<number, OutgoingRecord[]>();
    let keyless = 0;
    for (const record of records) {
      const partition =
        record.key === null
          ? (this.#turn + Math.floor(keyless++ / TOGETHER)) % partitions
          : partitionOf(record.key, partitions);
      const own = found.get(partition);
      if (own) own.push(record);
      else found.set(partition, [record]);
    }
    this.#turn += Math.ceil(keyless / TOGETHER);
    return [...found];
  }

  async #encode(
    partition: number,
    records: readonly OutgoingRecord[],
    origin: BatchOrigin,
  ): Promise<Batch> {
    const compressed = meanBytes(records) > GZIP_FROM_BYTES;
    const plain = encodeRecords(records);
    const bytes = compressed ? await compressRecords(plain) : plain;
    const { crc32c } = this.#kafka;
    toBatch(bytes, records.length, origin, this.#clock.now(), crc32c, compressed);
    return { partition, bytes };
  }

  #next({ producerId, epoch, sent }: Identity, place: string, count: number): BatchOrigin {
    if (!this.#idempotent) return NOBODY;
    const sequence = sent.get(place) ?? 0;
    sent.set(place, (sequence + count) % 2 ** 31);
    return { producerId, epoch, sequence };
  }

  #connected(): PlatformaticClient {
    if (this.#closed) throw new QueueClosedError('The transport');
    this.#client ??= this.#connect();
    return this.#client;
  }

  #identified(): Promise<Identity> {
    if (this.#identity === null) {
      const identity = this.#identify();
      this.#identity = identity;
      identity.catch(() => {
        if (this.#identity === identity) this.#identity = null;
      });
    }
    return this.#identity;
  }

  async #identify(): Promise<Identity> {
    const sent = new Map<string, number>();
    if (!this.#idempotent) return { producerId: -1n, epoch: -1, sent };
    const { producerId, producerEpoch } = await this.#connected().call<{
      producerId: bigint;
      producerEpoch: number;
    }>(null, 'InitProducerId', null, 60_000, -1n, -1);
    return { producerId, epoch: producerEpoch, sent };
  }
}

/** The batches that are to be sent again after an error. @throws the error when that is of no use */
function unstored(error: PlatformaticError, batches: readonly Batch[]): Batch[] {
  const answer = error.response as ProduceResponse | undefined;
  if (!answer) {
    if (isFinal(error)) throw error;
    return [...batches];
  }
  const failed = new Set(
    answer.responses
      .flatMap(({ partitionResponses }) => partitionResponses)
      .filter(({ errorCode }) => errorCode !== 0 && errorCode !== DUPLICATE)
      .map(({ index }) => index),
  );
  if (
    failed.size > 0 &&
    (error.errors ?? []).some((one) => isFinal(one) && !isError(one, 'DUPLICATE_SEQUENCE_NUMBER'))
  ) {
    throw error;
  }
  return batches.filter(({ partition }) => failed.has(partition));
}

const DUPLICATE = 46;

/** Repeating it changes nothing. */
function isFinal(error: PlatformaticError): boolean {
  if (error instanceof TopicMissingError || error instanceof QueueClosedError) return true;
  return error.canRetry === false || (error.errors ?? []).some(isFinal);
}
