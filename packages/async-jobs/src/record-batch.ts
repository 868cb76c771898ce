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

const HEAD_BYTES = 61;
const CRC_AT = 17;
const CHECKED_FROM = 21;
const MAGIC = 2;
const GZIP = 1;
const MAX_VARINT_BYTES = 5;
const UTF8_BYTES_PER_UNIT = 3;

/** Records as they are inside a batch, with room for its head before them. O(bytes). */
export function encodeRecords(records: readonly OutgoingRecord[]): Buffer {
  const headers = records.map((record) => Object.entries(toWire(record.headers)));
  let bound = HEAD_BYTES;
  for (const [i, { key, value }] of records.entries()) {
    let units = (key?.length ?? 0) + value.length;
    const own = headers[i] as [string, string][];
    for (const [name, text] of own) units += name.length + text.length;
    bound += units * UTF8_BYTES_PER_UNIT + (6 + 2 * own.length) * MAX_VARINT_BYTES;
  }
  const bytes = Buffer.allocUnsafe(bound);
  let at = HEAD_BYTES;
  for (const [offset, { key, value }] of records.entries()) {
    const own = headers[offset] as [string, string][];
    const keyBytes = key === null ? -1 : Buffer.byteLength(key);
    const valueBytes = Buffer.byteLength(value);
    let size = 2 + varintSize(offset) + varintSize(keyBytes) + Math.max(0, keyBytes);
    size += varintSize(valueBytes) + valueBytes + varintSize(own.length);
    for (const [name, text] of own) size += sizeOf(name) + sizeOf(text);
    at = varint(bytes, at, size);
    bytes[at++] = 0; // attributes
    bytes[at++] = 0; // all have the time of the batch
    at = varint(bytes, at, offset);
    at = varint(bytes, at, keyBytes);
    if (key !== null) at += bytes.write(key, at);
    at = varint(bytes, at, valueBytes);
    if (typeof value === 'string') at += bytes.write(value, at);
    else {
      bytes.set(value, at);
      at += valueBytes;
    }
    at = varint(bytes, at, own.length);
    for (const [name, text] of own) {
      at = varint(bytes, at, Buffer.byteLength(name));
      at += bytes.write(name, at);
      at = varint(bytes, at, Buffer.byteLength(text));
      at += bytes.write(text, at);
    }
  }
  return bytes.subarray(0, at);
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

function sizeOf(text: string): number {
  const bytes = Buffer.byteLength(text);
  return varintSize(bytes) + bytes;
}

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
