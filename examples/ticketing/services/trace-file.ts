/** Spans as lines of JSON in a file: for tests, and for a look without a collector. */
import { appendFileSync } from 'node:fs';
import { SpanKind } from '@opentelemetry/api';
import { tracing } from '@opentelemetry/sdk-node';

export type TraceLine = {
  service: string;
  name: string;
  kind: string;
  traceId: string;
  spanId: string;
  parentSpanId: string | null;
  links: { traceId: string; spanId: string }[];
  /** microseconds since the epoch */
  startUs: number;
  durationUs: number;
  attributes: Record<string, unknown>;
};

/** Each span is written when it ends; several processes may share the file. */
export function traceFile(path: string, service: string): tracing.SpanProcessor {
  const us = ([seconds, nanos]: [number, number]) => seconds * 1e6 + Math.round(nanos / 1e3);
  const line = (span: tracing.ReadableSpan): TraceLine => ({
    service,
    name: span.name,
    kind: (SpanKind[span.kind] ?? '').toLowerCase(),
    traceId: span.spanContext().traceId,
    spanId: span.spanContext().spanId,
    parentSpanId: span.parentSpanContext?.spanId ?? null,
    links: span.links.map(({ context: { traceId, spanId } }) => ({ traceId, spanId })),
    startUs: us(span.startTime),
    durationUs: us(span.duration),
    attributes: span.attributes,
  });
  return new tracing.SimpleSpanProcessor({
    export(spans, done) {
      appendFileSync(path, spans.map((span) => `${JSON.stringify(line(span))}\n`).join(''));
      done({ code: 0 });
    },
    shutdown: () => Promise.resolve(),
  });
}
