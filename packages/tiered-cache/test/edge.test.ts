import fastify from 'fastify';
import { expect, onTestFinished, test, vi } from 'vitest';
import { EdgeCache, type EdgeCacheOptions, edgeHook } from '../src/edge/index.ts';

function make(options: Partial<EdgeCacheOptions> = {}) {
  const purged: string[][] = [];
  const purge = async (tags: readonly string[]) => void purged.push([...tags]);
  const edge = new EdgeCache({ vendor: 'fastly', purge, regionLagMs: 0, ...options });
  onTestFinished(() => edge.close());
  return { edge, purged };
}

const mark = { tags: ['product:42', 'a b'], ttlMs: 60_000, staleIfErrorMs: 5_000 };

test.each([
  ['fastly', 'Surrogate-Key', 'product%3A42 a%20b', 'Surrogate-Control'],
  ['cloudflare', 'Cache-Tag', 'product%3A42,a%20b', 'CDN-Cache-Control'],
  ['akamai', 'Edge-Cache-Tag', 'product%3A42,a%20b', 'CDN-Cache-Control'],
  ['varnish', 'Surrogate-Key', 'product%3A42 a%20b', 'Surrogate-Control'],
] as const)('%s gets tags by %s and instructions of its own', (vendor, tags, value, control) => {
  const { edge } = make({ vendor });
  const request = {};
  edge.mark(request, mark);
  expect(edge.headers(request, undefined, undefined)).toEqual({
    'Cache-Control': 'public, max-age=0, must-revalidate',
    [control]: 'max-age=60, stale-if-error=5',
    [tags]: value,
  });
});

test('cloudfront obeys s-maxage, and takes tags by a header of one`s choice', () => {
  const { edge } = make({ vendor: 'cloudfront', tagHeader: 'x-tags' });
  const request = {};
  edge.mark(request, mark);
  expect(edge.headers(request, undefined, undefined)).toEqual({
    'Cache-Control': 'public, max-age=0, s-maxage=60, stale-if-error=5',
    'x-tags': 'product%3A42,a%20b',
  });
});

test.each([
  ['fastly', 16_384, Number.POSITIVE_INFINITY, 1_024],
  ['cloudflare', 16_000, Number.POSITIVE_INFINITY, 1_024],
  ['cloudfront', 8_192, 50, 256],
  ['akamai', 8_192, 128, 128],
  ['varnish', 8_000, Number.POSITIVE_INFINITY, 256],
] as const)(
  '%s: too many tags become coarse ones, and an event; each is still purged',
  async (vendor, bytes, most, longest) => {
    const { edge, purged } = make({ vendor });
    const overflows: number[] = [];
    edge.on('overflow', ({ tags }) => overflows.push(tags));
    const tags = Array.from({ length: 2_000 }, (_, i) => `product:${i}`);
    tags.push('x'.repeat(5_000));
    const request = {};
    edge.mark(request, { tags, ttlMs: 1_000 });
    const headers = edge.headers(request, undefined, undefined);
    const value = Object.entries(headers).find(([name]) => /tag|key/i.test(name))?.[1] ?? '';
    const names = value.split(/[ ,]/);
    expect(value.length).toBeLessThanOrEqual(bytes);
    expect(names.length).toBeLessThanOrEqual(most);
    expect(overflows).toEqual([2_001]);
    for (const tag of [tags[7], tags.at(-1)] as string[]) {
      purged.length = 0;
      await edge.purge([tag]);
      const asked = purged.flat().map((name) => name.replace('#', ''));
      expect(asked.some((name) => names.includes(name))).toBe(true);
      for (const name of asked) expect(name.length).toBeLessThanOrEqual(longest);
    }
  },
);

test('marks of one request: tags add up, the shortest time counts, one private part makes it private', () => {
  const { edge } = make();
  const request = {};
  edge.mark(request, { tags: ['a'], ttlMs: 60_000, public: true });
  edge.mark(request, { tags: ['b'], ttlMs: 5_000, public: true });
  expect(edge.headers(request, 'Bearer x', undefined)).toMatchObject({
    'Surrogate-Control': 'max-age=5, public',
    'Surrogate-Key': 'a b',
  });
  edge.mark(request, { tags: [], ttlMs: 60_000 });
  const never = { 'Cache-Control': 'private, no-cache', 'Surrogate-Control': 'no-store' };
  expect(edge.headers(request, 'Bearer x', undefined)).toEqual(never);
  expect(edge.headers(request, undefined, 'a=1')).toEqual(never);
  expect(edge.headers({}, undefined, undefined)).toEqual(never);
});

test('a purge comes twice: at once, and when the farthest region has the change', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { edge, purged } = make({ regionLagMs: 800 });
  await edge.purge(['a']);
  expect(purged).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(799);
  expect(purged).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(purged).toHaveLength(2);
  expect(purged[1]).toEqual(purged[0]);
  await edge.purge(['b']);
  await edge.close(); // does not drop the second one
  expect(purged).toHaveLength(4);
});

test('a purge that fails rejects, is told, and is tried again', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  let tries = 0;
  const purge = async () => {
    if (++tries < 4) throw new Error('edge is down');
  };
  const { edge } = make({ purge, regionLagMs: 1_000 });
  const told: number[] = [];
  edge.on('purgeFailed', (event) => told.push(event.tries));
  await expect(edge.purge(['a'])).rejects.toThrow('edge is down');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(tries).toBe(4);
  expect(told).toEqual([1, 1, 2]);
});

test('Fastify: marked routes carry the headers, and answer 304', async () => {
  const { edge } = make();
  const app = fastify();
  onTestFinished(() => app.close());
  app.addHook('onSend', edgeHook(edge));
  app.get('/price', async (request) => {
    edge.mark(request.raw, { tags: ['price'], ttlMs: 30_000 });
    return { cents: 4_900 };
  });
  app.get('/fails', async () => {
    throw new Error('no');
  });
  const first = await app.inject('/price');
  expect(first.headers).toMatchObject({
    'surrogate-key': 'price',
    'surrogate-control': 'max-age=30',
  });
  const etag = first.headers.etag as string;
  const again = await app.inject({ url: '/price', headers: { 'if-none-match': `W/${etag}, "x"` } });
  expect(again.statusCode).toBe(304);
  expect(again.body).toBe('');
  const personal = await app.inject({ url: '/price', headers: { authorization: 'Bearer x' } });
  expect(personal.headers['surrogate-control']).toBe('no-store');
  expect((await app.inject('/fails')).headers.etag).toBeUndefined();
});

test('wrong options are refused by name', async () => {
  expect(() => make({ vendor: 'squid' as never })).toThrow('Expected `vendor` to be one of fastly');
  expect(() => make({ purge: 1 as never })).toThrow('Expected `purge` to be a function, got 1');
  expect(() => make({ regionLagMs: -1 })).toThrow('Expected `regionLagMs`');
  const { edge } = make();
  expect(() => edge.mark({}, { tags: [], ttlMs: Number.NaN })).toThrow('Expected `ttlMs`');
  const swr = { tags: [], ttlMs: 1, staleWhileRevalidateMs: Number.NaN };
  expect(() => edge.mark({}, swr)).toThrow('Expected `staleWhileRevalidateMs`');
  for (const tags of ['product:42', undefined, [42], ['']]) {
    expect(() => edge.mark({}, { tags: tags as never, ttlMs: 1 })).toThrow('Expected `tags`');
    await expect(edge.purge(tags as never)).rejects.toThrow('Expected `tags`');
  }
});
