/**
 * One trace from the click to the ticket: HTTP headers between services, the jobs' own W3C headers through outbox and
 * Kafka. Off unless the environment says where traces go; then the API's calls are a no-op of nanoseconds.
 *
 *   gateway -> orders -> (outbox, Kafka) -> payments -> provider
 *                 :                            `--> (outbox, Kafka) -> notifications -> mail provider
 *                 : linked to
 *   gateway -> inventory, which took the hold
 */
import { subscribe } from 'node:diagnostics_channel';
import type { JobContext } from '@evenkeel/async-jobs';
import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { FastifyInstance } from 'fastify';

const tracer = () => trace.getTracer('ticketing');

/**
 * Starts the SDK when OTEL_EXPORTER_OTLP_ENDPOINT is set, or TRACE_FILE, to which every span is appended as a line of
 * JSON. Its modules are loaded only then.
 */
export async function startTracing(
  service: string,
  environment: Record<string, string | undefined>,
): Promise<{ shutdown(): Promise<void> } | undefined> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, TRACE_FILE } = environment;
  if (!OTEL_EXPORTER_OTLP_ENDPOINT && !TRACE_FILE) return undefined;
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  const spanProcessors = TRACE_FILE
    ? [(await import('./trace-file.ts')).traceFile(TRACE_FILE, service)]
    : undefined;
  const sdk = new NodeSDK({ serviceName: service, ...(spanProcessors ? { spanProcessors } : {}) });
  sdk.start();
  tellSpans();
  return sdk;
}

/** What the packages tell on their channels becomes an event of the span that it happened in. */
function tellSpans(): void {
  for (const name of ['open', 'half-open', 'closed', 'reject', 'fallback']) {
    subscribe(`evenkeel:circuit-breaker:${name}`, (message) => {
      const { name: breaker } = message as { name: string };
      trace.getActiveSpan()?.addEvent(`circuit-breaker ${name}`, { breaker });
    });
  }
  for (const name of ['loaded', 'stale', 'degraded']) {
    subscribe(`evenkeel:tiered-cache:${name}`, () => {
      trace.getActiveSpan()?.addEvent(`tiered-cache ${name}`);
    });
  }
}

/** A span for each request, child of what the caller sent; all that the handler does is inside of it. */
export function traceRequests(app: FastifyInstance): void {
  const spans = new WeakMap<object, Span>();
  app.addHook('onRequest', (request, _reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    const parent = propagation.extract(context.active(), request.headers);
    const attributes = { 'http.request.method': request.method, 'http.route': route };
    const name = `${request.method} ${route}`;
    const span = tracer().startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
    spans.set(request, span);
    context.with(trace.setSpan(parent, span), done);
  });
  app.addHook('onResponse', (request, reply, done) => {
    const span = spans.get(request);
    span?.setAttribute('http.response.status_code', reply.statusCode);
    if (reply.statusCode >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
    done();
  });
}

/** The headers `traceparent` and `tracestate` of what is going on, for a request or a job. */
export function traceContext(): { traceparent: string; tracestate?: string } | undefined {
  const headers: { traceparent?: string; tracestate?: string } = {};
  propagation.inject(context.active(), headers);
  const { traceparent, ...rest } = headers;
  return traceparent === undefined ? undefined : { traceparent, ...rest };
}

/** What is going on belongs to what these headers are of, which has a trace of its own. */
export function linkTo(headers: { traceparent: string }): void {
  const linked = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, headers));
  if (linked) trace.getActiveSpan()?.addLink({ context: linked });
}

/** A handler inside of a span, child of the request that put the job into the outbox. */
export function traced<Payload, Result>(
  handler: (payload: Payload, ctx: JobContext) => Promise<Result>,
): (payload: Payload, ctx: JobContext) => Promise<Result> {
  return (payload, ctx) => {
    const parent = propagation.extract(context.active(), ctx.trace ?? {});
    const attributes = { 'messaging.system': 'kafka', 'messaging.message.id': ctx.id };
    const span = tracer().startSpan(ctx.name, { kind: SpanKind.CONSUMER, attributes }, parent);
    return run(span, parent, () => handler(payload, ctx));
  };
}

/** A call, of another service unless `kind` says else, as a function of the same shape. */
export function inSpan<Args extends unknown[], Result>(
  name: string,
  call: (...args: Args) => Promise<Result>,
  kind = SpanKind.CLIENT,
): (...args: Args) => Promise<Result> {
  return (...args) => {
    const span = tracer().startSpan(name, { kind });
    return run(span, context.active(), () => call(...args));
  };
}

async function run<T>(span: Span, parent: Context, work: () => Promise<T>): Promise<T> {
  try {
    return await context.with(trace.setSpan(parent, span), work);
  } catch (error) {
    // the message may hold what a provider said of a person
    span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).name });
    throw error;
  } finally {
    span.end();
  }
}

/** For each line of the log. */
export function traceIds(): { traceId?: string; spanId?: string } {
  const span = trace.getActiveSpan()?.spanContext();
  return span ? { traceId: span.traceId, spanId: span.spanId } : {};
}
