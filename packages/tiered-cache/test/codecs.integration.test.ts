import { expect, test } from 'vitest';
import { backends } from '../../../test/backends.ts';
import type { Codec, TieredCacheOptions } from '../src/index.ts';
import { never, Rig } from './support/rig.ts';

const { redisUrl } = backends();
const text = 'a value that compresses well, '.repeat(500);

/** What one process stores and another one reads from Redis. */
async function through(rig: Rig, value: unknown, options: Partial<TieredCacheOptions>) {
  const a = await rig.following(redisUrl, options);
  const b = await rig.following(redisUrl, options);
  const first = await a.get('k', () => value);
  await rig.stored(redisUrl, 'k');
  const second = await b.get<unknown>('k', never);
  expect(b.stats().near).toBe(1);
  expect(second).toStrictEqual(first);
  const size = await rig.client(redisUrl).strlen(`tc:{${rig.namespace}}:e:k`);
  return { value: second, size };
}

test('v8 carries dates, maps, sets, bytes, BigInt and cycles', async () => {
  await using rig = new Rig();
  const value = {
    at: new Date(0),
    map: new Map([['a', 1n]]),
    set: new Set([1]),
    bytes: new Uint8Array([0, 128, 255]),
    self: undefined as unknown,
  };
  value.self = value;
  const { value: read } = await through(rig, value, { codec: 'v8' });
  const got = read as typeof value;
  expect(got.at).toEqual(new Date(0));
  expect(got.map.get('a')).toBe(1n);
  expect([...got.bytes]).toEqual([0, 128, 255]);
  expect(got.self).toBe(got);
  expect(Object.isFrozen(got)).toBe(true);
});

test('v8 refuses what it cannot carry', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl, { codec: 'v8' });
  const refused: string[] = [];
  a.on('refused', ({ reason }) => refused.push(reason));
  const fn = () => {};
  expect(await a.get('k', () => fn)).toBe(fn);
  expect(refused).toEqual(['not encodable']);
  await expect(a.set('k', fn)).rejects.toThrow('cannot be written as v8');
});

const hex: Codec = {
  name: 'hex',
  encode: (value) => Buffer.from(JSON.stringify(value)).toString('hex'),
  decode: (data) => JSON.parse(Buffer.from(data as string, 'hex').toString()),
};
const bytes: Codec = {
  name: 'bytes',
  encode: (value) => Buffer.from(JSON.stringify(value)),
  decode: (data) => JSON.parse(Buffer.from(data as Uint8Array).toString()),
};

test.each([
  ['json', 'json'],
  ['v8', 'v8'],
  ['one of text', hex],
  ['one of bytes', bytes],
] as const)('compression makes large values small, with the codec %s', async (_, codec) => {
  await using rig = new Rig();
  const { value, size } = await through(rig, { text }, { codec, compression: {} });
  expect(value).toEqual({ text });
  expect(size).toBeLessThan(text.length / 20);
  await using plain = new Rig();
  const small = await through(plain, 'short', { codec, compression: {} });
  expect(small.value).toBe('short');
});

test('values of another codec or version are a miss, without noise, and are invalidated all the same', async () => {
  await using rig = new Rig();
  const one = await rig.following(redisUrl, { version: '1' });
  const two = await rig.following(redisUrl, { version: '2' });
  const v8 = await rig.following(redisUrl, { codec: 'v8' });
  const noise: unknown[] = [];
  for (const cache of [one, two, v8]) cache.on('undecodable', (event) => noise.push(event));
  expect(await one.get('k', () => 'of one')).toBe('of one');
  await rig.stored(redisUrl, 'k');
  expect(await two.get('k', () => 'of two')).toBe('of two');
  expect(await v8.get('k', () => 'of v8')).toBe('of v8');
  expect(await one.get('k', never)).toBe('of one');
  const { id = '' } = await v8.invalidate('k');
  for (const cache of [one, two]) {
    expect(await cache.get('k', () => 'anew', { after: id })).toBe('anew');
  }
  expect(noise).toEqual([]);
});

test('an entry that inflates without end is a miss', async () => {
  await using rig = new Rig();
  const { deflateRawSync } = await import('node:zlib');
  const a = await rig.following(redisUrl, { compression: {}, local: { maxBytes: 1_000_000 } });
  const bomb = deflateRawSync(Buffer.alloc(50_000_000, '1')).toString('base64');
  const entry = `tc2 ${a.stats().cursor} 99999999999999 0 json z []\n${bomb}`;
  await rig.client(redisUrl).set(`tc:{${rig.namespace}}:e:k`, entry);
  const told: string[] = [];
  a.on('undecodable', ({ key }) => told.push(key));
  expect(await a.get('k', () => 'right')).toBe('right');
  expect(told.length).toBeGreaterThan(0);
});
