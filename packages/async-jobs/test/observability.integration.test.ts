import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { context, SpanKind, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { Registry } from 'prom-client';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { uniqueName } from '../../../test/backends.ts';
import {
  defineJob,
  handle,
  JobQueue,
  kafkajsTransport,
  NonRetryableError,
  type TraceContext,
  Worker,
} from '../src/index.ts';
import { registerMetrics } from '../src/prometheus.ts';
import { Clients } from './clients.ts';
import { until } from './until.ts';

const clients = new Clients();
afterAll(() => clients.close());
const schema = z.object({ key: z.string() });
const newJob = () =>
  defineJob({ name: 'charge', queue: uniqueName('seen'), schema, key: (p) => p.key, inbox: true });

/** The W3C header of the span at hand, and back: what an OpenTelemetry propagator does. */
const traceparent = (spanContext: { traceId: string; spanId: string }) =>
  `00-${spanContext.traceId}-${spanContext.spanId}-01`;

describe('traces', () => {
  it('are one from HTTP through outbox and Kafka into the handler', async () => {
    const exporter = new InMemorySpanExporter();
    const provider = new BasicTracerProvider({
      spanProcessors: [new SimpleSpanProcessor(exporter)],
    });
    const tracer = provider.getTracer('test');
    const outbox = clients.outbox();
    await outbox.migrate();
    let current: TraceContext | undefined;
    const queue = new JobQueue({
      transport: kafkajsTransport(clients.kafka()),
      outbox,
      traceContext: () => current,
    });
    const job = newJob();
    await queue.ensureTopics([job]);
    const relay = queue.relay();
    await relay.run();
    const worker = new Worker(queue, {
      handlers: [
        handle(job, async (_, ctx) => {
          const [, traceId = '', spanId = ''] = ctx.trace?.traceparent.split('-') ?? [];
          const remote = { traceId, spanId, traceFlags: 1, isRemote: true };
          const parent = trace.setSpanContext(context.active(), remote);
          const span = tracer.startSpan('charge', { kind: SpanKind.CONSUMER }, parent);
          await ctx.tx((tx) => tx.query('SELECT 1'));
          span.end();
        }),
      ],
    });
    await worker.run();
    const http = tracer.startSpan('POST /orders', { kind: SpanKind.SERVER });
    current = { traceparent: traceparent(http.spanContext()), tracestate: 'shop=1' };
    await queue.enqueue(job, { key: 'a' });
    current = { traceparent: 'broken\r\nx-injected: 1' };
    await queue.enqueue(job, { key: 'b' });
    http.end();
    await until('two jobs', () => worker.snapshot().completed === 2);
    const spans = exporter.getFinishedSpans();
    const request = spans.find(({ name }) => name === 'POST /orders');
    const traceId = request?.spanContext().traceId;
    const ours = spans.filter(
      (span) => span.name === 'charge' && span.spanContext().traceId === traceId,
    );
    expect(ours).toHaveLength(1);
    expect(ours[0]?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId);
    await worker.drain();
    await queue.close();
  });
});

describe('metrics and channels', () => {
  it('tell what the workers and the relay have done, and nothing after they were taken back', async () => {
    const queue = await clients.queue();
    const job = newJob();
    await queue.ensureTopics([job]);
    const relay = queue.relay();
    await relay.run();
    const worker = new Worker(queue, {
      handlers: [
        handle(job, ({ key }) => {
          if (key === 'bad') throw new NonRetryableError('no');
        }),
      ],
    });
    await worker.run();
    const registry = new Registry();
    const unregister = registerMetrics(registry, { workers: [worker], relays: [relay] });
    const events = ['enqueued', 'started', 'completed', 'failed', 'dead'];
    const heard: string[] = [];
    const listeners = events.map((event) => {
      const listener = (message: unknown) => {
        const { id, queue: of } = message as { id: string; queue: string };
        if (of === job.queue) heard.push(`${event} ${id}`);
      };
      subscribe(`evenkeel:async-jobs:${event}`, listener);
      return { event, listener };
    });
    const good = await queue.enqueue(job, { key: 'good' });
    await until('it is done', () => worker.snapshot().completed === 1);
    const bad = await queue.enqueue(job, { key: 'bad' });
    await until('it is dead', () => worker.snapshot().dead === 1);
    expect(heard).toEqual([
      ...['enqueued', 'started', 'completed'].map((event) => `${event} ${good.id}`),
      ...['enqueued', 'started', 'failed', 'dead'].map((event) => `${event} ${bad.id}`),
    ]);
    for (const { event, listener } of listeners)
      unsubscribe(`evenkeel:async-jobs:${event}`, listener);
    await until('all is committed', async () => {
      return (await registry.metrics()).includes(`lag_jobs{queue="${job.queue}"} 0`);
    });
    const text = await registry.metrics();
    for (const line of [
      'evenkeel_async_jobs_completed_total 1',
      'evenkeel_async_jobs_failed_total 1',
      'evenkeel_async_jobs_dead_total 1',
      `evenkeel_async_jobs_running_jobs{queue="${job.queue}"} 0`,
      `evenkeel_async_jobs_retry_lag_jobs{queue="${job.queue}"} 0`,
      `evenkeel_async_jobs_braked{queue="${job.queue}"} 0`,
      'evenkeel_async_jobs_wait_seconds_count 1',
      'evenkeel_async_jobs_wait_seconds_bucket{le="+Inf"} 1',
      'evenkeel_async_jobs_outbox_sent_total 2',
      'evenkeel_async_jobs_outbox_oldest_seconds 0',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
    unregister();
    expect((await registry.metrics()).trim()).toBe('');
    await worker.drain();
  });

  it('are scraped in time while the database does not answer, and it is asked once', async () => {
    const outbox = clients.outbox();
    await outbox.migrate();
    const queue = new JobQueue({ transport: kafkajsTransport(clients.kafka()), outbox });
    const registry = new Registry();
    registerMetrics(registry, { relays: [queue.relay()] }, { timeoutMs: 100 });
    const lock = await clients.pool.connect();
    await lock.query('BEGIN');
    await lock.query(`LOCK TABLE "${clients.schema}".job_outbox IN ACCESS EXCLUSIVE MODE`);
    const from = performance.now();
    const texts = [await registry.metrics(), await registry.metrics(), await registry.metrics()];
    expect(performance.now() - from).toBeLessThan(5_000);
    for (const text of texts) {
      expect(text).not.toMatch(/^evenkeel_async_jobs_outbox_oldest_seconds/m);
      expect(text).toContain('evenkeel_async_jobs_outbox_sent_total 0');
    }
    const { rowCount } = await lock.query(
      `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1`,
      [`SELECT coalesce(max(extract%FROM "${clients.schema}".job_outbox%`],
    );
    expect(rowCount).toBe(1);
    await lock.query('COMMIT');
    lock.release();
    await until('it is told again', async () =>
      (await registry.metrics()).includes('outbox_oldest_seconds 0'),
    );
    await queue.close();
    expect(() => registerMetrics(registry, {}, { timeoutMs: 0 })).toThrow(
      'Expected `timeoutMs` to be an integer in [1, 2147483647], got 0',
    );
    const misspelt = { waitBucketsSeconds: [1], timeoutMS: 100 };
    expect(() => registerMetrics(registry, {}, misspelt)).toThrow('Unknown option `timeoutMS`');
  });
});
