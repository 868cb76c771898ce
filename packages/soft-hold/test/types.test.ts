import type { Cluster, Redis } from 'ioredis';
import type { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import type { Redis as Valkey } from 'iovalkey';
import type pg from 'pg';
import { expectTypeOf, test } from 'vitest';
import type { Hold, HoldPool, HoldResult, PgPoolLike, RedisLike } from '../src/index.ts';

test('the usual clients fit as they are', () => {
  expectTypeOf<Redis>().toExtend<RedisLike>();
  expectTypeOf<Cluster>().toExtend<RedisLike>();
  expectTypeOf<Redis5>().toExtend<RedisLike>();
  expectTypeOf<Cluster5>().toExtend<RedisLike>();
  expectTypeOf<Valkey>().toExtend<RedisLike>();
  expectTypeOf<pg.Pool>().toExtend<PgPoolLike>();
});

test('a hold is had only by asking for the status', () => {
  expectTypeOf<Extract<HoldResult, { status: 'held' }>['hold']>().toEqualTypeOf<Hold>();
  expectTypeOf<HoldResult>().not.toHaveProperty('hold');
});

test('a pool offers a health check of the common shape', () => {
  expectTypeOf<HoldPool>().toExtend<{
    healthCheck(): { name: string; check(signal: AbortSignal): Promise<unknown> };
  }>();
});
