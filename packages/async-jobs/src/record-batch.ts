import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { OutgoingRecord } from './transport.ts';
import { toWire } from './wire-headers.ts';

/** Who sends a batch, and its place among those he has sent to the partition. */
export interface BatchOrigin {
  readonly producerId: bigint;
  readonly epoch: number;
  readonly sequence: number;
}

export const NOBODY: BatchOrigin = { producerId: -1n, epoch: -1, sequence: -1 };

type Headers = Readonly<Record<string, string>>;

const HEAD_BYTES = 61;
const CRC_AT = 17;
const CHECKED_FROM = 21;
const MAGIC = 2;
const GZIP = 1;
const MAX_VARINT_BYTES = 5;
const UTF8_BYTES_PER_UNIT = 3;

/**
 * Records as they are inside a batch, with room for its head before them. O(bytes).
 *
 * Lengths stand before what they are the lengths of. They are guessed, as of ASCII, and what was
 * written is moved where the guess was wrong: measuring each text first takes as long as writing it.
 */
export function encodeRecords(records: readonly OutgoingRecord[]): Buffer {
  const wires = records.map(({ headers }) => toWire(headers));
  const sizes = records.map((record, i) => sizeOf(record, wires[i] as Headers));
  const units = sizes.reduce((sum, size) => sum + size, 0);
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + units * UTF8_BYTES_PER_UNIT);
  let at = HEAD_BYTES;
  for (const [offset, record] of records.entries()) {
    const room = varintSize(sizes[offset] as number);
    const from = at + room;
    const size = writeRecord(bytes, from, record, wires[offset] as Headers, offset) - from;
    const needed = varintSize(size);
    if (needed !== room) bytes.copyWithin(at + needed, from, from + size);
    at = varint(bytes, at, size) + size;
  }
  return bytes.subarray(0, at);
}

/** Of a record in ASCII, and no less: with room for all lengths. */
function sizeOf({ key, value }: OutgoingRecord, headers: Headers): number {
  let size = (key?.length ?? 0) + value.length + 6 * MAX_VARINT_BYTES;
  for (const name in headers) {
    size += name.length + (headers[name] as string).length + 2 * MAX_VARINT_BYTES;
  }
  return size;
}

function writeRecord(
  bytes: Buffer,
  start: number,
  { key, value }: OutgoingRecord,
  headers: Headers,
  offset: number,
): number {
  let at = start;
  bytes[at++] = 0; // attributes
  bytes[at++] = 0; // all have the time of the batch
  at = varint(bytes, at, offset);
  at = key === null ? varint(bytes, at, -1) : writeText(bytes, at, key);
  if (typeof value === 'string') at = writeText(bytes, at, value);
  else {
    at = varint(bytes, at, value.length);
    bytes.set(value, at);
    at += value.length;
  }
  let count = 0;
  for (const _ in headers) count++;
  at = varint(bytes, at, count);
  for (const name in headers) {
    at = writeText(bytes, at, name);
    at = writeText(bytes, at, headers[name] as string);
  }
  return at;
}

function writeText(bytes: Buffer, at: number, text: string): number {
  const room = varintSize(text.length);
  const size = bytes.write(text, at + room);
  const needed = varintSize(size);
  if (needed !== room) bytes.copyWithin(at + needed, at + room, at + room + size);
  return varint(bytes, at, size) + size;
}

/** `encodeRecords`' bytes, compressed. */
export async function compressRecords(encoded: Buffer): Promise<Buffer> {
  const compressed = await promisify(gzip)(encoded.subarray(HEAD_BYTES));
  return Buffer.concat([encoded.subarray(0, HEAD_BYTES), compressed]);
}

/**
 * Makes a record batch of format 2 of `encodeRecords`' bytes, or of these compressed, in place.
 *
 * @see https://kafka.apache.org/documentation/#recordbatch
 */
export function toBatch(
  bytes: Buffer,
  count: number,
  origin: BatchOrigin,
  atMs: number,
  crc32c: (bytes: Uint8Array) => number,
  compressed: boolean,
): Buffer {
  bytes.writeBigInt64BE(0n, 0); // the broker gives the offset
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt32BE(-1, 12); // leader epoch
  bytes.writeInt8(MAGIC, 16);
  bytes.writeInt16BE(compressed ? GZIP : 0, 21);
  bytes.writeInt32BE(count - 1, 23);
  bytes.writeBigInt64BE(BigInt(atMs), 27);
  bytes.writeBigInt64BE(BigInt(atMs), 35);
  bytes.writeBigInt64BE(origin.producerId, 43);
  bytes.writeInt16BE(origin.epoch, 51);
  bytes.writeInt32BE(origin.sequence, 53);
  bytes.writeInt32BE(count, 57);
  bytes.writeUInt32BE(crc32c(bytes.subarray(CHECKED_FROM)), CRC_AT);
  return bytes;
}

/** Version 9 of a request to produce to one topic: all in-sync replicas are to have it. */
export function produceRequest(
  topic: string,
  batches: readonly { readonly partition: number; readonly bytes: Buffer }[],
  timeoutMs: number,
): Buffer {
  const name = Buffer.from(topic);
  const head = Buffer.allocUnsafe(name.length + 32);
  let at = 0;
  head[at++] = 0; // no transaction
  at = head.writeInt16BE(-1, at);
  at = head.writeInt32BE(timeoutMs, at);
  head[at++] = 2; // one topic, counted from one
  at = unsigned(head, at, name.length + 1);
  at += name.copy(head, at);
  at = unsigned(head, at, batches.length + 1);
  const parts: Uint8Array[] = [head.subarray(0, at)];
  for (const { partition, bytes } of batches) {
    const place = Buffer.allocUnsafe(4 + MAX_VARINT_BYTES);
    place.writeInt32BE(partition, 0);
    parts.push(place.subarray(0, unsigned(place, 4, bytes.length + 1)), bytes, NO_TAGS);
  }
  return Buffer.concat([...parts, NO_TAGS, NO_TAGS]);
}

const NO_TAGS = Buffer.from([0]);

function varintSize(value: number): number {
  let rest = zigzag(value);
  let size = 1;
  for (; rest > 127; rest >>>= 7) size++;
  return size;
}

function varint(bytes: Buffer, at: number, value: number): number {
  return unsigned(bytes, at, zigzag(value));
}

function unsigned(bytes: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes[at++] = (rest & 127) | 128;
  bytes[at++] = rest;
  return at;
}

function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}
