import type { Redis } from 'ioredis';
import type { Redis as Redis6 } from 'ioredis6';
import { expectTypeOf, test } from 'vitest';
import type { InvalidateResult, LogConnection, RedisLike, TieredCache } from '../src/index.ts';

test('clients of ioredis 5 and 6 fit', () => {
  expectTypeOf<Redis>().toExtend<RedisLike>();
  expectTypeOf<Redis6>().toExtend<RedisLike>();
  expectTypeOf<Redis6<'resp3'>>().toExtend<RedisLike>();
  expectTypeOf<ReturnType<Redis['duplicate']>>().toExtend<LogConnection>();
});

test('a value has the type that its loader gives', () => {
  const get = (cache: TieredCache) => cache.get('k', async () => ({ price: 1 }));
  expectTypeOf(get).returns.resolves.toEqualTypeOf<{ price: number }>();
});

test('an id is there exactly when the master confirmed', () => {
  expectTypeOf<Extract<InvalidateResult, { status: 'done' }>['id']>().toEqualTypeOf<string>();
  expectTypeOf<Extract<InvalidateResult, { status: 'queued' }>['id']>().toEqualTypeOf<undefined>();
});
