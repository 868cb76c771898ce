/**
 * The W3C trace context of a job: in the handler, the context of the call that enqueued it.
 *
 * @see https://www.w3.org/TR/trace-context/
 */
export interface TraceContext {
  /** `00-<trace id>-<span id>-<flags>` */
  readonly traceparent: string;
  readonly tracestate?: string;
}

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

/** The valid part of what came from outside: a trace must never harm a job. */
export function traceContextOf(
  given:
    | {
        readonly traceparent?: string | null | undefined;
        readonly tracestate?: string | null | undefined;
      }
    | undefined,
): TraceContext | undefined {
  const { traceparent, tracestate } = given ?? {};
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return undefined;
  return typeof tracestate === 'string' && TRACESTATE.test(tracestate)
    ? { traceparent, tracestate }
    : { traceparent };
}
