/** What the shop tells of itself while a real ticket is bought: figures, a trace, and logs without people in them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { sellFirstTicket } from '../launcher/first-ticket.ts';
import { productServices as services } from '../services/config.ts';
import type { TraceLine } from '../services/trace-file.ts';
import { metricsRead } from './dashboards.ts';
import { slug, TestShop } from './test-shop.ts';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-trace-'));
const traceFile = join(folder, 'spans.jsonl');
let shop: TestShop;
let metrics: Record<string, string> = {};
let spans: TraceLine[] = [];

const readSpans = () =>
  readFileSync(traceFile, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as TraceLine);

/** Orders and payments both relay what is in the outbox: whoever comes first sends it. */
const relays = () => `${metrics.orders}\n${metrics.payments}`;

beforeAll(async () => {
  const settings = { PSP_LATENCY_MS: '50', TRACE_FILE: traceFile, LOG_LEVEL: 'debug' };
  shop = await TestShop.start(settings, 'apart');
  await sellFirstTicket(shop.url, slug);
  // what is told of the purchase follows it
  await vi.waitFor(
    async () => {
      spans = readSpans();
      // a span is written when it ends: the mail's is the last of them
      for (const name of ['payment.charge', 'mail.send']) {
        expect(spans.some((span) => span.name === name)).toBe(true);
      }
      const texts = services.map(async (service) => {
        const answer = await fetch(`${shop.shop.addressOf(service)}/metrics`);
        return [service, await answer.text()] as const;
      });
      metrics = Object.fromEntries(await Promise.all(texts));
      expect(relays()).toMatch(/^evenkeel_async_jobs_outbox_sent_total\{.*\} [1-9]/m);
    },
    { timeout: 20_000, interval: 50 },
  );
});
afterAll(async () => {
  await shop?.stop();
  rmSync(folder, { recursive: true });
});

describe('/metrics', () => {
  it.each(services)('of %s tells of requests, loop, database and checks', (service) => {
    for (const name of [
      'ticketing_event_loop_utilization_ratio',
      'nodejs_eventloop_lag_p99_seconds',
      'ticketing_database_connections_max',
      'ticketing_database_waiting',
      'evenkeel_health_check_status',
      'ticketing_http_request_duration_seconds_bucket',
    ]) {
      expect(metrics[service]).toMatch(new RegExp(`^${name}\\{.*service="${service}"`, 'm'));
    }
  });

  it('counts the purchase in the packages that did it', () => {
    expect(metrics.inventory).toMatch(/^evenkeel_soft_hold_holds_total\{.*status="held".*\} 1$/m);
    expect(relays()).toMatch(/^evenkeel_async_jobs_outbox_sent_total\{.*\} [1-9]/m);
    expect(metrics.payments).toMatch(/^evenkeel_async_jobs_completed_total\{.*\} 1$/m);
    expect(metrics.payments).toMatch(/^evenkeel_circuit_breaker_\w+\{.*payment-provider/m);
    expect(metrics.catalog).toMatch(/^evenkeel_tiered_cache_\w+\{/m);
  });

  it('has every metric that the dashboards and the alerts read', () => {
    const told = new Set(
      Object.values(metrics).flatMap((text) =>
        [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)].flatMap(([, name = '', type]) =>
          type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
        ),
      ),
    );
    expect(metricsRead().filter((name) => !told.has(name))).toEqual([]);
  });

  it('names routes and not what they were called with', () => {
    expect(metrics.gateway).toContain('route="/api/events/:slug"');
    expect(metrics.gateway).not.toMatch(new RegExp(`route="[^"]*${slug}`));
    for (const text of Object.values(metrics)) expect(text).not.toContain('@');
  });
});

describe('the trace', () => {
  const start = (name: string) =>
    spans.find((span) => span.service === 'gateway' && span.name === name) as TraceLine;
  const traceOf = ({ traceId }: TraceLine) =>
    spans.filter((span) => span.traceId === traceId).sort((a, b) => a.startUs - b.startUs);
  const childrenOf = ({ spanId }: TraceLine) =>
    spans
      .filter(({ parentSpanId }) => parentSpanId === spanId)
      .sort((a, b) => a.startUs - b.startUs);
  const named = (lines: TraceLine[]) => lines.map(({ service, name }) => `${service} ${name}`);
  const only = (line: TraceLine, name: string) => {
    const [child, ...more] = childrenOf(line);
    expect([named([child as TraceLine]), more]).toEqual([[name], []]);
    return child as TraceLine;
  };

  it('is one from the click to the ticket and its mail, through Kafka', () => {
    const order = start('POST /api/orders');
    const placed = only(order, 'orders POST /api/orders');
    const charge = only(placed, 'payments payment.charge');
    const steps = childrenOf(charge);
    expect(named(steps.filter(({ name }) => name !== 'mail.send'))).toEqual([
      'payments POST /charges',
      'payments tickets.issue',
      'payments POST /charges/:id/capture',
    ]);
    // promised by the transaction that sells, and sent when it can be
    const mail = steps.find(({ name }) => name === 'mail.send') as TraceLine;
    expect(mail.service).toBe('notifications');
    expect(childrenOf(mail).length).toBeGreaterThan(0);
    expect(new Set(named(childrenOf(mail)))).toEqual(new Set(['notifications POST /messages']));
    expect(charge.durationUs).toBeGreaterThan(50_000);
  });

  it('begins at the hold, to whose own trace the order is linked', () => {
    const [hold, order] = [start('POST /api/holds'), start('POST /api/orders')];
    expect(hold.traceId).not.toBe(order.traceId);
    const taken = only(hold, 'inventory POST /api/holds');
    const placed = only(order, 'orders POST /api/orders');
    expect(placed.links).toEqual([{ traceId: taken.traceId, spanId: taken.spanId }]);
    // EVENKEEL_KEEP_TRACE=docs/trace.json keeps both for the README
    if (env.EVENKEEL_KEEP_TRACE) {
      const kept = [...traceOf(hold), ...traceOf(order)];
      writeFileSync(env.EVENKEEL_KEEP_TRACE, `${JSON.stringify(kept, null, 2)}\n`);
    }
  });
});

describe('the logs', () => {
  it('name no person, no card and no token', () => {
    const text = shop.log.join('\n');
    expect(shop.log.length).toBeGreaterThan(services.length);
    expect(text).not.toMatch(/[\w.-]+@evenkeel\.example/);
    expect(text).not.toContain('First Buyer');
    expect(text).not.toMatch(/card_ok|eyJ[\w-]+\.eyJ|EK1\./);
  });

  it('carry the trace of the request that a line is of', async () => {
    await shop.shop.process('catalog').stop();
    const answer = await fetch(`${shop.url}/api/events`);
    expect(answer.status).toBe(503);
    await vi.waitFor(() => {
      const line = shop.log.find((text) => text.includes('service is away')) ?? '{}';
      const { traceId } = JSON.parse(line.slice(line.indexOf('{'))) as { traceId?: string };
      const request = readSpans().findLast(({ name }) => name === 'GET /api/events');
      expect(request?.attributes['http.response.status_code']).toBe(503);
      expect(traceId).toBe(request?.traceId);
    }, 20_000);
  });
});
