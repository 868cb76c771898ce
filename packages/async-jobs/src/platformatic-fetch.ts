import type { PlatformaticAsking, PlatformaticError } from './platformatic-client.ts';
import type { IncomingRecord } from './transport.ts';
import { fromWire } from './wire-headers.ts';

const MAX_BYTES = 8 * 1024 * 1024;
const MAX_BYTES_PER_PARTITION = 512 * 1024;
const READ_COMMITTED = 1;
const LATEST = -1n;
const EARLIEST = -2n;
const IS_LOG_APPEND_TIME = 8;
const IS_CONTROL = 32;
const IS_TRANSACTIONAL = 16;
const OFFSET_OUT_OF_RANGE = 1;

/** From where a partition is to be read. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  offset: number;
}

/** What was read of a partition. */
export interface Fetched<T extends Position> {
  readonly position: T;
  readonly records: readonly IncomingRecord[];
  /** Where reading goes on. */
  readonly next: number;
  /** The offset after the last record the broker has. */
  readonly end: number;
}

interface FetchResponse {
  readonly responses: readonly {
    readonly topicId: string;
    readonly partitions: readonly PartitionResponse[];
  }[];
}

interface PartitionResponse {
  readonly partitionIndex: number;
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly abortedTransactions: readonly { producerId: bigint; firstOffset: bigint }[] | null;
  readonly records?: readonly RecordBatch[];
}

interface RecordBatch {
  readonly firstOffset: bigint;
  readonly lastOffsetDelta: number;
  readonly firstTimestamp: bigint;
  readonly maxTimestamp: bigint;
  readonly attributes: number;
  readonly producerId: bigint;
  readonly records: readonly {
    readonly offsetDelta: number;
    readonly timestampDelta: bigint;
    readonly key: Buffer | null;
    readonly value: Buffer | null;
    readonly headers: readonly (readonly [Buffer, Buffer | null])[];
  }[];
}

/** Reads what a broker has of partitions that it leads, waiting a while for more. */
export async function fetchFrom<T extends Position>(
  client: PlatformaticAsking,
  node: number,
  positions: readonly T[],
  maxWaitMs: number,
): Promise<{ fetched: Fetched<T>[]; outOfRange: T[]; error: unknown }> {
  const topics = new Map<string, { topicId: string; partitions: object[] }>();
  const byId = new Map<string, string>();
  for (const { topic, partition, offset } of positions) {
    const { id } = await client.topic(topic);
    byId.set(id, topic);
    const asked = topics.get(topic) ?? { topicId: id, partitions: [] };
    topics.set(topic, asked);
    asked.partitions.push({
      partition,
      currentLeaderEpoch: -1,
      fetchOffset: BigInt(offset),
      lastFetchedEpoch: -1,
      partitionMaxBytes: MAX_BYTES_PER_PARTITION,
    });
  }
  let failed: PlatformaticError | null = null;
  const answer = await client
    .call<FetchResponse>(
      node,
      'Fetch',
      ...[maxWaitMs, 1, MAX_BYTES, READ_COMMITTED, 0, -1],
      ...[[...topics.values()], [], ''],
    )
    .catch((error: PlatformaticError) => {
      if (!error.response?.responses) throw error;
      failed = error; // some partitions could not be read
      return error.response as FetchResponse;
    });
  const fetched: Fetched<T>[] = [];
  const outOfRange: T[] = [];
  let isUnwell = false;
  for (const { topicId, partitions } of answer.responses) {
    for (const response of partitions) {
      const position = positions.find(
        ({ topic, partition }) =>
          topic === byId.get(topicId) && partition === response.partitionIndex,
      );
      if (!position) continue;
      if (response.errorCode === 0) fetched.push(read(position, response));
      else if (response.errorCode === OFFSET_OUT_OF_RANGE) outOfRange.push(position);
      else isUnwell = true;
    }
  }
  return { fetched, outOfRange, error: isUnwell ? failed : null };
}

/** First and next offset of every partition of a topic. */
export async function offsetsOf(
  client: PlatformaticAsking,
  topic: string,
): Promise<{ partition: number; first: number; next: number }[]> {
  const { leaders } = await client.topic(topic, true);
  const at = async (timestamp: bigint): Promise<Map<number, number>> => {
    const found = new Map<number, number>();
    await Promise.all(
      [...new Set(leaders)].map(async (node) => {
        const partitions = [...leaders.entries()].flatMap(([partitionIndex, leader]) =>
          leader === node ? [{ partitionIndex, currentLeaderEpoch: -1, timestamp }] : [],
        );
        const { topics } = await client.call<{
          readonly topics: readonly {
            readonly partitions: readonly { partitionIndex: number; offset: bigint }[];
          }[];
        }>(node, 'ListOffsets', -1, READ_COMMITTED, [{ name: topic, partitions }]);
        for (const one of topics.flatMap((found) => found.partitions)) {
          found.set(one.partitionIndex, Number(one.offset));
        }
      }),
    );
    return found;
  };
  const [first, next] = await Promise.all([at(EARLIEST), at(LATEST)]);
  return [...leaders.keys()].map((partition) => ({
    partition,
    first: first.get(partition) ?? 0,
    next: next.get(partition) ?? 0,
  }));
}

function read<T extends Position>(position: T, response: PartitionResponse): Fetched<T> {
  const records: IncomingRecord[] = [];
  let next = position.offset;
  const ends = [...(response.abortedTransactions ?? [])].sort((a, b) =>
    a.firstOffset < b.firstOffset ? -1 : 1,
  );
  const aborted = new Set<bigint>();
  for (const batch of response.records ?? []) {
    const first = Number(batch.firstOffset);
    next = Math.max(next, first + batch.lastOffsetDelta + 1);
    while (ends[0] && ends[0].firstOffset <= batch.firstOffset) {
      aborted.add((ends.shift() as { producerId: bigint }).producerId);
    }
    if (batch.attributes & IS_CONTROL) {
      aborted.delete(batch.producerId); // the marker that ends the transaction
      continue;
    }
    if (batch.attributes & IS_TRANSACTIONAL && aborted.has(batch.producerId)) continue;
    for (const record of batch.records) {
      const offset = first + record.offsetDelta;
      if (offset < position.offset) continue; // a batch is given whole
      const timestamp =
        batch.attributes & IS_LOG_APPEND_TIME
          ? batch.maxTimestamp
          : batch.firstTimestamp + record.timestampDelta;
      records.push({
        offset,
        timestampMs: Number(timestamp),
        key: record.key === null ? null : record.key.toString(),
        value: record.value,
        headers: headersOf(record.headers),
      });
    }
  }
  return { position, records, next, end: Number(response.highWatermark) };
}

function headersOf(pairs: readonly (readonly [Buffer, Buffer | null])[]): Record<string, string> {
  const wire: Record<string, Buffer | null> = {};
  for (const [name, value] of pairs) wire[name.toString()] ??= value;
  return fromWire(wire);
}
