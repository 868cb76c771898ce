import { crc32c, createRecordsBatch, Reader, readRecordsBatch } from '@platformatic/kafka';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compressRecords, encodeRecords, NOBODY, toBatch } from '../src/record-batch.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const record = fc.record({
  topic: fc.constant('t'),
  key: fc.option(text),
  value: fc.oneof(text, fc.uint8Array({ maxLength: 300 })),
  headers: fc.dictionary(fc.string({ minLength: 1, maxLength: 9 }), text, { maxKeys: 4 }),
});

it('encodes what the client of another author reads back, whatever is in it, compressed or not', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(record, { minLength: 1, maxLength: 200 }),
      fc.boolean(),
      fc.nat(),
      async (records, compressed, sequence) => {
        const plain = encodeRecords(records);
        const bytes = compressed ? await compressRecords(plain) : plain;
        const origin = { producerId: 77n, epoch: 3, sequence };
        toBatch(bytes, records.length, origin, 1_700_000_000_000, crc32c, compressed);
        const batch = readRecordsBatch(Reader.from(bytes));
        expect(batch).toMatchObject({
          firstOffset: 0n,
          length: bytes.length - 12,
          magic: 2,
          crc: crc32c(bytes.subarray(21)),
          attributes: compressed ? 1 : 0,
          lastOffsetDelta: records.length - 1,
          firstTimestamp: 1_700_000_000_000n,
          maxTimestamp: 1_700_000_000_000n,
          producerId: 77n,
          producerEpoch: 3,
          firstSequence: sequence,
        });
        expect(
          batch.records.map(({ offsetDelta, key, value, headers }) => ({
            offsetDelta,
            key: key?.toString() ?? null,
            value: Buffer.from(value ?? ''),
            headers: headers.map(([name, of]) => [String(name), String(of)]),
          })),
        ).toEqual(
          records.map(({ key, value, headers }, offsetDelta) => ({
            offsetDelta,
            key,
            value: Buffer.from(value),
            headers: Object.entries(headers),
          })),
        );
      },
    ),
    { numRuns: 200 },
  );
});

it('encodes the same bytes as the client of another author', () => {
  const at = 1_700_000_000_000;
  const records = Array.from({ length: 300 }, (_, n) => ({
    topic: 't',
    key: `k${n}`,
    value: 'x'.repeat(n),
    headers: { traceparent: `00-${n}` },
  }));
  const bytes = encodeRecords(records);
  toBatch(bytes, records.length, NOBODY, at, crc32c, false);
  const theirs = createRecordsBatch(
    records.map(({ key, value, headers }) => ({
      topic: 't',
      key: Buffer.from(key),
      value: Buffer.from(value),
      headers: new Map(
        Object.entries(headers).map(([name, of]) => [Buffer.from(name), Buffer.from(of)]),
      ),
      timestamp: BigInt(at),
    })),
    { producerId: -1n, producerEpoch: -1 },
  ).buffer;
  theirs.writeInt32BE(-1, 12); // leader epoch: the broker sets it
  theirs.writeInt32BE(-1, 53); // they count from 0 also without a producer id
  theirs.writeUInt32BE(crc32c(theirs.subarray(21)), 17);
  expect(bytes.equals(theirs)).toBe(true);
});
