import { expect, test } from 'vitest';
import { backends } from '../../../test/backends.ts';
import { CacheValueError } from '../src/index.ts';
import { followed, never, Rig } from './support/rig.ts';

const { redisUrl } = backends();

test('null is a value; undefined is handed out and not kept', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  expect(await a.get('null', () => null)).toBeNull();
  expect(await a.get('null', never)).toBeNull();
  expect(await a.get('undefined', () => undefined)).toBeUndefined();
  expect(await a.get('undefined', () => 1)).toBe(1);
});

test('everybody gets the value as JSON carries it, frozen, whoever loaded it', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const b = await rig.following(redisUrl);
  const source = { at: new Date(0), list: [{ n: 1 }], gone: undefined };
  const first = await a.get<unknown>('k', () => source);
  expect(first).toStrictEqual({ at: '1970-01-01T00:00:00.000Z', list: [{ n: 1 }] });
  expect(await b.get<unknown>('k', never)).toStrictEqual(first);
  expect(() => (first as typeof source).list.push({ n: 2 })).toThrow(TypeError);
  source.list.push({ n: 2 });
  expect(await a.get<unknown>('k', never)).toStrictEqual(first);
});

test('a value that JSON cannot carry is handed out, not kept, and told', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const refused: string[] = [];
  a.on('refused', ({ key, reason, error }) =>
    refused.push(`${key} ${reason} ${(error as Error).name}`),
  );
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  expect(await a.get('cycle', () => cycle)).toBe(cycle);
  expect(await a.get('big', () => 1n)).toBe(1n);
  expect(await a.get('big', () => 2n)).toBe(2n);
  expect(refused).toEqual(
    ['cycle', 'big', 'big'].map((key) => `${key} not encodable CacheValueError`),
  );
  await expect(a.set('big', 1n)).rejects.toThrow(CacheValueError);
  await expect(a.set('big', undefined)).rejects.toThrow(CacheValueError);
});

test('a value that is too long stays in the process that loaded it', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl, { maxValueLength: 100 });
  const b = await rig.following(redisUrl, { maxValueLength: 100 });
  const long = 'x'.repeat(99);
  const refused: string[] = [];
  a.on('refused', ({ key, reason }) => refused.push(`${key} ${reason}`));
  expect(await a.get('k', () => long)).toBe(long);
  expect(await a.get('k', never)).toBe(long);
  expect(await b.get('k', () => 'short')).toBe('short');
  expect(refused).toEqual(['k too long']);
  await expect(a.set('k', long)).rejects.toThrow('at most 100 characters when encoded, has 101');
});

test('keys of any shape and length are apart, long ones too', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const b = await rig.following(redisUrl);
  const long = 'x'.repeat(10_000);
  const keys = ['a\nb', '{}', '{a}b', ' ', '__proto__', 'constructor', 'e:k', 'ключ', '🎫'];
  keys.push(long, `${long}1`, `${long}2`, long.slice(0, 512), long.slice(0, 513));
  for (const [index, key] of keys.entries()) await a.get(key, () => index);
  for (const [index, key] of keys.entries()) {
    expect(await a.get(key, never)).toBe(index);
    expect(await b.get(key, never)).toBe(index);
  }
  const { id = '' } = await b.invalidate(`${long}1`);
  expect(await a.get(`${long}1`, () => 'new', { after: id })).toBe('new');
  expect(await a.get(`${long}2`, never, { after: id })).toBe(keys.indexOf(`${long}2`));
});

test('bad input rejects, and never throws at the caller', async () => {
  await using rig = new Rig();
  const a = rig.cache(rig.client(redisUrl));
  const bad = (value: unknown) => value as never;
  await expect(a.get('', never)).rejects.toThrow(TypeError);
  await expect(a.get(bad(7), never)).rejects.toThrow(TypeError);
  await expect(a.get('\ud800', never)).rejects.toThrow(RangeError);
  await expect(a.get('k', bad(undefined))).rejects.toThrow(TypeError);
  for (const ttlMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e12, 1.5]) {
    await expect(a.get('k', never, { ttlMs })).rejects.toThrow(RangeError);
    await expect(a.set('k', 1, { ttlMs })).rejects.toThrow(RangeError);
  }
  await expect(a.get('k', never, { after: 'yesterday' })).rejects.toThrow(TypeError);
  await expect(a.get('k', never, { tags: bad('t') })).rejects.toThrow(TypeError);
  await expect(a.get('k', () => 1, { tags: () => [''] })).rejects.toThrow(RangeError);
  await expect(a.get('k', never, { signal: bad('s') })).rejects.toThrow(
    'Expected `signal` to be an AbortSignal, got "s"',
  );
  for (const options of [null, 5]) {
    for (const call of [
      () => a.get('k', never, bad(options)),
      () => a.set('k', 1, bad(options)),
      () => a.invalidate('k', bad(options)),
      () => a.expire('k', bad(options)),
      () => a.invalidateTags(['t'], bad(options)),
      () => a.clear(bad(options)),
      () => a.writeThrough('k', never, bad(options)),
    ]) {
      await expect(call()).rejects.toThrow(`Expected \`options\` to be an object, got ${options}`);
    }
  }
  for (const many of ['getMany', 'warmUp'] as const) {
    await expect(a[many](bad('abc'), never)).rejects.toThrow('Expected `keys` to be an array');
  }
  await expect(a.invalidate('')).rejects.toThrow(TypeError);
  await expect(a.invalidateTags([])).rejects.toThrow(RangeError);
  expect(await a.get('k', () => 2)).toBe(2);
});

test('what this package did not write is a miss and an event, never a value or a crash', async () => {
  await using rig = new Rig();
  const client = rig.client(redisUrl);
  const a = await followed(rig.cache(client));
  const told: string[] = [];
  a.on('undecodable', ({ key }) => told.push(key));
  const name = (key: string) => `tc:{${rig.namespace}}:e:${key}`;
  const foreign = {
    garbage: Buffer.from([0xff, 0x00, 0x80]),
    empty: '',
    version: 'tc9 1-0 99999999999999 []\n1',
    cut: 'tc2 1-0 999',
    broken: `tc2 ${a.stats().cursor} 99999999999999 0 json t []\n{"a":`,
    bomb: `tc2 ${a.stats().cursor} 99999999999999 0 json z []\nAAAA`,
    number: `tc2 ${a.stats().cursor} soon 0 json t []\n1`,
  };
  for (const [key, text] of Object.entries(foreign)) await client.set(name(key), text);
  await client.hset(name('hash'), 'a', '1');
  for (const key of [...Object.keys(foreign), 'hash']) {
    expect(await a.get(key, () => `right ${key}`)).toBe(`right ${key}`);
  }
  expect(new Set(told)).toEqual(new Set(Object.keys(foreign)));
  const b = await rig.following(redisUrl);
  for (const key of Object.keys(foreign)) expect(await b.get(key, never)).toBe(`right ${key}`);
});
