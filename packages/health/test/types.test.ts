import { createServer, type Http2SecureServer } from 'node:http2';
import type { Server as HttpsServer } from 'node:https';
import fastify from 'fastify';
import type { Cluster, Redis as Redis6 } from 'ioredis';
import type { Kafka } from 'kafkajs';
import type { Pool } from 'pg';
import { expectTypeOf, test } from 'vitest';
import type { WebSocketServer } from 'ws';
import {
  fastifyHealth,
  GracefulShutdown,
  type GracefulShutdownOptions,
  Health,
  type KafkaLike,
  type PgPoolCounts,
  type PgPoolSource,
  type RedisLike,
  type WebSocketServerLike,
} from '../src/index.ts';
import type { PgPoolLike } from '../src/postgres.ts';

test('the real clients, servers and frameworks fit', () => {
  expectTypeOf<Redis6>().toExtend<RedisLike>();
  expectTypeOf<Cluster>().toExtend<RedisLike>();
  expectTypeOf<Pool>().toExtend<PgPoolSource>();
  expectTypeOf<Pool>().toExtend<PgPoolCounts>();
  expectTypeOf<Pool>().toExtend<PgPoolLike>();
  expectTypeOf<Kafka>().toExtend<KafkaLike>();
  expectTypeOf<WebSocketServer>().toExtend<WebSocketServerLike>();
  type Servers = NonNullable<GracefulShutdownOptions['servers']>[number];
  expectTypeOf<HttpsServer>().toExtend<Servers>();
  expectTypeOf<Http2SecureServer>().toExtend<Servers>();
  const health = new Health({ service: 'types' });
  const app = fastify();
  app.register(fastifyHealth(health), { prefix: '/internal' });
  new GracefulShutdown({ health, servers: [app.server, createServer()] });
});
