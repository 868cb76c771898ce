import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprint, uuidv5, uuidv7 } from '../src/ids.ts';
import { murmur2, partitionOf } from '../src/partitioner.ts';

const kafkajsMurmur2: (key: Buffer) => number = createRequire(import.meta.url)(
  'kafkajs/src/producer/partitioners/default/murmur2',
);

describe('ids', () => {
  it('are ordered by time and all different', () => {
    const ids = Array.from({ length: 5_000 }, (_, i) => uuidv7(1_700_000_000_000 + i));
    expect(new Set(ids).size).toBe(5_000);
    expect([...ids].sort()).toEqual(ids);
    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('of an idempotency key are always the same, and differ by queue', () => {
    expect(uuidv5('payments', 'order-1')).toBe(uuidv5('payments', 'order-1'));
    expect(uuidv5('payments', 'order-1')).not.toBe(uuidv5('mails', 'order-1'));
    expect(uuidv5('payments', 'order-1')).toMatch(/^.{14}5.{4}[89ab].{3}-.{12}$/);
  });

  it('fingerprints do not depend on the order of keys, but on everything else', () => {
    expect(fingerprint('job', { a: 1, b: { c: [1, 2], d: 3 } })).toBe(
      fingerprint('job', { b: { d: 3, c: [1, 2] }, a: 1 }),
    );
    expect(fingerprint('job', { a: [1, 2] })).not.toBe(fingerprint('job', { a: [2, 1] }));
    expect(fingerprint('job', { a: 1 })).not.toBe(fingerprint('other', { a: 1 }));
  });
});

describe('partitioner', () => {
  it('agrees with the one of Kafka clients on every key', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (key) => {
        expect(murmur2(key)).toBe(kafkajsMurmur2(Buffer.from(key)));
      }),
    );
  });

  it('names an existing partition', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 100 }), (key, partitions) => {
        const partition = partitionOf(key, partitions);
        expect(partition).toBeGreaterThanOrEqual(0);
        expect(partition).toBeLessThan(partitions);
      }),
    );
  });
});
