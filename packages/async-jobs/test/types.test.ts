import type { Cluster, Redis } from 'ioredis';
import type { Kafka } from 'kafkajs';
import type pg from 'pg';
import { describe, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import {
  defineJob,
  handle,
  type JobQueue,
  type KafkaLike,
  type PgPoolLike,
  type RedisLike,
  type SqlExecutor,
} from '../src/index.ts';

describe('types', () => {
  it('accept the clients as they are', () => {
    expectTypeOf<Kafka>().toExtend<KafkaLike>();
    expectTypeOf<pg.Pool>().toExtend<PgPoolLike>();
    expectTypeOf<pg.PoolClient>().toExtend<SqlExecutor>();
    expectTypeOf<Redis>().toExtend<RedisLike>();
    expectTypeOf<Cluster>().toExtend<RedisLike>();
  });

  it('give the caller the schema input and the handler its output', () => {
    const job = defineJob({
      name: 'typed',
      schema: z.object({ at: z.coerce.date() }),
      key: (p) => p.at.toISOString(),
    });
    handle(job, (payload) => expectTypeOf(payload).toEqualTypeOf<{ at: Date }>());
    const enqueue = (queue: JobQueue) => queue.enqueue(job, { at: '2026-01-01' });
    expectTypeOf(enqueue).returns.resolves.toHaveProperty('id');
    // @ts-expect-error the payload has no `when`
    void ((queue: JobQueue) => queue.enqueue(job, { when: 1 }));
  });
});
