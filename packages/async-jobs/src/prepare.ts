import type { Clock } from './clock.ts';
import { type JobDefinition, validate } from './define-job.ts';
import { JobPayloadError, JobPayloadTooLargeError } from './errors.ts';
import { callable, integer, key as keyOf, show } from './options.ts';
import type { QueuedJob } from './record.ts';
import type { SchemaResult } from './standard-schema.ts';
import { type TraceContext, traceContextOf } from './trace-context.ts';

/** What may be said of one job. */
export interface Particulars {
  readonly id: string;
  readonly key?: string | undefined;
  readonly runAtMs?: number | undefined;
  readonly flow?: string | undefined;
  readonly trace?: TraceContext | undefined;
}

/** Makes jobs ready to be sent: checked, serialised, measured, with their key and trace. */
export class Preparation {
  readonly #clock: Clock;
  readonly #maxPayloadBytes: number;
  readonly #traceContext: (() => TraceContext | undefined) | undefined;

  constructor(
    clock: Clock,
    maxPayloadBytes: number | undefined,
    traceContext: (() => TraceContext | undefined) | undefined,
  ) {
    this.#clock = clock;
    this.#maxPayloadBytes = integer('maxPayloadBytes', maxPayloadBytes ?? 900 * 1024, 1);
    this.#traceContext = traceContext && callable('traceContext', traceContext);
  }

  /** @throws JobPayloadError, JobPayloadTooLargeError, TypeError, RangeError */
  prepare(job: JobDefinition, payload: unknown, more: Particulars): QueuedJob | Promise<QueuedJob> {
    const checked = validate(job.schema, payload);
    return checked instanceof Promise
      ? checked.then((result) => this.#make(job, payload, result, more))
      : this.#make(job, payload, checked, more);
  }

  /** Of many jobs; those whose schema answers at once cost no promise each. */
  async prepareAll(
    job: JobDefinition,
    payloads: readonly unknown[],
    more: () => Particulars,
  ): Promise<readonly QueuedJob[]> {
    const ready: QueuedJob[] = [];
    for (const [i, payload] of payloads.entries()) {
      const one = this.prepare(job, payload, more());
      if (one instanceof Promise) {
        const later = payloads.slice(i + 1).map(async (next) => this.prepare(job, next, more()));
        return [...ready, ...(await Promise.all([one, ...later]))];
      }
      ready.push(one);
    }
    return ready;
  }

  #make(
    job: JobDefinition,
    payload: unknown,
    checked: SchemaResult<unknown>,
    more: Particulars,
  ): QueuedJob {
    if (checked.issues) throw new JobPayloadError(job.name, checked.issues);
    // The input is sent, not the schema's output: the worker's check would transform it twice
    const json = JSON.stringify(payload);
    if (json === undefined) {
      throw new TypeError(`Expected a payload that JSON can hold, got ${show(payload)}`);
    }
    const sizeBytes = Buffer.byteLength(json);
    if (sizeBytes > this.#maxPayloadBytes) {
      throw new JobPayloadTooLargeError(job.name, sizeBytes, this.#maxPayloadBytes);
    }
    const { id, flow, runAtMs } = more;
    const key = more.key ?? job.key?.(checked.value);
    return {
      id,
      name: job.name,
      queue: job.queue,
      priority: job.priority(checked.value),
      key: key === undefined ? id : keyOf('key', key),
      payload: json,
      enqueuedAtMs: this.#clock.now(),
      trace: more.trace ?? this.#trace(),
      runAtMs,
      flow,
    };
  }

  #trace(): TraceContext | undefined {
    try {
      return traceContextOf(this.#traceContext?.());
    } catch {
      return undefined; // a job is worth more than its trace
    }
  }
}
