import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { codecs, Payloads } from '../src/codec.ts';
import { decode, encodeRest } from '../src/envelope.ts';
import { Fences } from '../src/fences.ts';
import { CacheValueError, TieredCacheError } from '../src/index.ts';
import { toStorageKey } from '../src/input.ts';
import { LocalEntry, LocalTier } from '../src/local-tier.ts';
import { isNewer } from '../src/log-id.ts';
import { Stamps } from '../src/stamps.ts';
import type { Undelivered } from '../src/undelivered.ts';

const never = { minBytes: Number.POSITIVE_INFINITY, level: 1 };
const payloads = new Payloads(codecs.json, '', never, 1_000_000);
const ids = fc.tuple(fc.nat(2_000_000_000_000), fc.nat(1_000));
const toId = ([ms, sequence]: [number, number]) => `${ms}-${sequence}`;

test('ids are ordered by time, then by sequence', () => {
  fc.assert(
    fc.property(ids, ids, (a, b) => {
      const newer = a[0] !== b[0] ? a[0] > b[0] : a[1] > b[1];
      expect(isNewer(toId(a), toId(b))).toBe(newer);
    }),
  );
});

test('an envelope gives back what was put in', () => {
  const tags = fc.array(fc.string({ minLength: 1 }), { maxLength: 5 });
  fc.assert(
    fc.property(ids, fc.nat(), tags, fc.json(), (id, freshUntilMs, names, payload) => {
      const content = { freshUntilMs, loadMs: 7, tags: names, payload, encoding: 't' } as const;
      const text = `tc2 ${toId(id)} ${encodeRest('json', content)}`;
      const value = JSON.parse(payload);
      const envelope = { asOf: toId(id), freshUntilMs, loadMs: 7, tags: names, value };
      expect(decode(text, payloads)).toStrictEqual({ ...envelope, length: text.length });
    }),
  );
});

test('no text makes decoding throw', () => {
  const head = fc.constantFrom(
    '',
    'tc2',
    'tc2 ',
    'tc2 1-0 ',
    'tc2 1-0 9 0 json t ',
    'tc2 1-0 9 0 json z []\n',
  );
  fc.assert(
    fc.property(head, fc.string(), (start, rest) => {
      decode(start + rest, payloads);
    }),
    { numRuns: 1_000 },
  );
  expect(decode('tc2 1-0 9 0 json t {}\n1', payloads)).toBeUndefined();
  expect(decode('tc2 1-0 9 0 json t [1]\n1', payloads)).toBeUndefined();
  expect(decode('tc2 1-0 9 0 v8 b []\n1', payloads)).toBe('other shape');
});

test('what is kept of an entry does not hold its text in memory', () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const rest = encodeRest('json', {
    payload: JSON.stringify({ text: 'x'.repeat(20_000) }),
    encoding: 't',
    tags: ['a-tag-of-some-length'],
    freshUntilMs: 1_800_000_000_000,
    loadMs: 5,
  });
  const kept: unknown[] = [];
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 2_000; i++) {
    const text = Buffer.from(`tc2 1764124992000-${i} ${rest}`).toString();
    const envelope = decode(text, payloads);
    if (typeof envelope !== 'object') throw new Error('Not decoded');
    kept.push([envelope.asOf, envelope.tags]);
  }
  gc();
  expect(kept[1_999]).toEqual(['1764124992000-1999', ['a-tag-of-some-length']]);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000); // 40 MB of text
});

test('no two keys share a storage key', () => {
  const long = 'x'.repeat(600);
  const hashed = toStorageKey(long);
  expect(toStorageKey(hashed)).not.toBe(hashed); // not even the storage key of another
  expect(toStorageKey(`${long}y`)).not.toBe(hashed);
  expect(toStorageKey('x'.repeat(512))).toBe('x'.repeat(512));
  expect(() => toStorageKey(`${'x'.repeat(511)}🎫`)).not.toThrow();
});

test('a fence holds until near has the write, and stands for all keys when there are too many', () => {
  const fences = new Fences();
  fences.raise('a', '5-0');
  fences.raise('a', '3-0');
  expect(fences.of('a')).toBe('5-0');
  expect(fences.of('b')).toBe('0-0');
  fences.lift('4-9');
  expect(fences.of('a')).toBe('5-0');
  fences.lift('5-0');
  expect(fences.any).toBe(false);
  for (let i = 1; i <= 10_001; i++) fences.raise(`k${i}`, `${i}-0`);
  expect(fences.of('unheard of')).toBe('10001-0');
  fences.lift('10000-0');
  expect(fences.any).toBe(true);
  fences.lift('10001-0');
  expect(fences.any).toBe(false);
});

test('a replica that has gone back does not count until it has come as far as it was', () => {
  const local = new LocalTier(10, 10_000, { covers: () => false } as unknown as Undelivered);
  local.follow('10-0', '0-0');
  local.missed('5-0', '0-0', true);
  expect(local.fences.of('any')).toBe('10-0');
  local.heard({ id: '9-0', previous: '5-0', op: 'k', key: '' });
  local.reached();
  expect(local.fences.of('any')).toBe('10-0');
  local.heard({ id: '10-0', previous: '9-0', op: 'k', key: '' });
  local.reached();
  expect(local.fences.of('any')).toBe('0-0');
});

test('what a replica gave does not count when near went back meanwhile, also after it has caught up', () => {
  const local = new LocalTier(10, 10_000, { covers: () => false } as unknown as Undelivered);
  local.follow('10-0', '0-0');
  const before = local.flights.begin('a', local.fences);
  expect(before.mayUse('4-0')).toBe(true);
  local.missed('5-0', '0-0', true); // it answers now
  local.heard({ id: '10-0', previous: '5-0', op: 'd', key: 'a' });
  local.reached();
  expect(before.mayUse('4-0')).toBe(false);
  expect(local.flights.begin('a', local.fences).mayUse('4-0')).toBe(true);
});

test('of tags that were forgotten, or invalidated before this process began, only Redis knows', () => {
  const stamps = new Stamps();
  stamps.restart('10-0', '4-0');
  expect(stamps.check('3-0', [])).toBe('invalid'); // cleared since
  expect(stamps.check('5-0', [])).toBe('valid');
  expect(stamps.check('5-0', ['t'])).toBe('unknown');
  expect(stamps.check('10-0', ['t'])).toBe('valid');
  expect(stamps.raise(['t'], '11-0')).toBe(true);
  expect(stamps.raise(['t'], '11-0')).toBe(false);
  expect(stamps.check('10-0', ['t'])).toBe('invalid');
  for (let i = 0; i < 10_000; i++) stamps.raise([`other${i}`], '12-0');
  expect(stamps.check('10-0', ['t'])).toBe('unknown');
  expect(stamps.check('12-0', ['t'])).toBe('valid');
});

test('errors are told by brand and code, also those of another copy of the package', () => {
  const error = new CacheValueError('n', 'k', 'is odd');
  expect(error).toMatchObject({ name: 'CacheValueError', code: 'ERR_CACHE_VALUE', key: 'k' });
  const foreign = { [Symbol.for('@evenkeel/tiered-cache.error')]: true, code: 'ERR_CACHE_CLOSED' };
  expect(foreign).toBeInstanceOf(TieredCacheError);
  expect(foreign).not.toBeInstanceOf(CacheValueError);
  expect(new Error('other')).not.toBeInstanceOf(TieredCacheError);
});

test('an own invalidation of a tag, and a clear, are still known when the log starts over before them', () => {
  const stamps = new Stamps();
  stamps.raise(['t'], '50-0');
  stamps.clear('40-0');
  stamps.restart('30-0', '10-0');
  expect(stamps.check('45-0', ['t'])).toBe('invalid');
  expect(stamps.check('35-0', [])).toBe('invalid');
  expect(stamps.check('60-0', ['t'])).toBe('valid');
});

test('an own value does not replace one that knows of a newer change', () => {
  const local = new LocalTier(10, 10_000, { covers: () => false } as unknown as Undelivered);
  const times = { freshUntilMs: 1, staleUntilMs: 1, earlyAtMs: 1 };
  const entry = (value: string, asOf: string) =>
    new LocalEntry({ value, asOf, tags: [], length: 1 }, times);
  local.changed('k', '20-0'); // told by `after`, before our own write is answered
  local.wrote('k', entry('older', '10-0'));
  expect(local.valid('k')).toBeUndefined();
  local.wrote('k', entry('newer', '30-0'));
  expect(local.valid('k')?.value).toBe('newer');
});
