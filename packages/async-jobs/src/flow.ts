import type { JobQueue } from './async-jobs.ts';
import type { JobFacts } from './attempt.ts';
import { type JobDefinition, type SqlExecutor, validate } from './define-job.ts';
import { IdempotencyConflictError, isInputError, JobPayloadError } from './errors.ts';
import { fingerprint, uuidv5, uuidv7 } from './ids.ts';
import { callable, key as keyOf, name, show, textOf } from './options.ts';
import type { FlowRow, FlowState, Outbox } from './outbox.ts';
import type { Preparation } from './prepare.ts';
import type { SchemaInput, SchemaOutput, StandardSchema } from './standard-schema.ts';
import type { TraceContext } from './trace-context.ts';

/** What a step's payload is made of: the flow's payload, and what the steps before have returned. */
export interface FlowInput<P> {
  readonly payload: P;
  /** By step, as JSON gives it back. */
  // biome-ignore lint/suspicious/noExplicitAny: what the handlers return is not known here
  readonly results: readonly any[];
}

/** A job and how its payload is made from the flow. */
export interface FlowJob<P> {
  readonly job: JobDefinition;
  input(flow: FlowInput<P>): unknown;
}

/** One step: a job, and the job that takes it back when a later step is given up. */
export interface FlowStep<P> extends FlowJob<P> {
  readonly undo?: FlowJob<P>;
}

/** A chain of jobs of which all happen, or those that happened are taken back. */
export interface Flow<S extends StandardSchema = StandardSchema> {
  readonly name: string;
  readonly schema: S;
  readonly steps: readonly FlowStep<SchemaOutput<S>>[];
}

/** How far a flow is. */
export interface FlowStatus {
  readonly id: string;
  readonly name: string;
  readonly state: FlowState;
  /** The step whose end is waited for. */
  readonly step: number;
  readonly results: readonly unknown[];
  /** Why a step was given up. */
  readonly error: string | null;
}

/** Types one step of a flow: `input` must make what the job's schema takes. */
export function step<P, S extends StandardSchema>(
  job: JobDefinition<S>,
  input: (flow: FlowInput<P>) => SchemaInput<S>,
  undo?: FlowJob<P>,
): FlowStep<P> {
  return { job: job as unknown as JobDefinition, input, ...(undo && { undo }) };
}

/**
 * Defines a flow (a saga): steps run one after another, each an ordinary job with its retries. When
 * one is given up, the `undo` jobs of the steps before it run in reverse. The flow's row in
 * PostgreSQL moves in the same transaction that enqueues the next job.
 *
 *     running 0 -> 1 -> 2 -> succeeded
 *                  | given up
 *     compensating 0 -> compensated        an undo given up -> stuck
 *
 * @throws RangeError or TypeError naming field, rule and value
 * @see https://www.cs.cornell.edu/andru/cs711/2002fa/reading/sagas.pdf Garcia-Molina, Salem: Sagas
 */
export function flow<S extends StandardSchema>(
  flowName: string,
  schema: S,
  steps: readonly FlowStep<SchemaOutput<S>>[],
): Flow<S> {
  if (typeof schema?.['~standard']?.validate !== 'function') {
    throw new TypeError(`Expected \`schema\` to be a Standard Schema, got ${show(schema)}`);
  }
  if (!Array.isArray(steps) || steps.length === 0 || steps.length > 1_000) {
    throw new TypeError(`Expected \`steps\` to be a list of 1 to 1000 steps, got ${show(steps)}`);
  }
  for (const one of steps) for (const part of one.undo ? [one, one.undo] : [one]) assertPart(part);
  return Object.freeze({ name: name('name', flowName), schema, steps: Object.freeze([...steps]) });
}

function assertPart({ job, input }: FlowJob<never>): void {
  if (typeof job?.schema?.['~standard']?.validate !== 'function') {
    throw new TypeError(`Expected \`steps[].job\` to be made by defineJob, got ${show(job)}`);
  }
  callable('steps[].input', input);
}

/** Which step of a flow is enqueued, and in which trace: that of the step before. */
interface StepPlace {
  readonly at: number;
  readonly direction: 'do' | 'undo';
  readonly trace?: TraceContext | undefined;
}

/** @internal Starts flows and moves them on. */
export class FlowStarter {
  readonly #queue: JobQueue;
  readonly #preparation: Preparation;

  constructor(queue: JobQueue, preparation: Preparation) {
    this.#queue = queue;
    this.#preparation = preparation;
  }

  async start<S extends StandardSchema>(
    definition: Flow<S>,
    payload: unknown,
    options: { readonly idempotencyKey?: string; readonly tx?: SqlExecutor },
  ): Promise<{ id: string; deduplicated: boolean }> {
    const checked = await validate(definition.schema, payload);
    if (checked.issues) throw new JobPayloadError(definition.name, checked.issues);
    const { idempotencyKey, tx } = options;
    const id =
      idempotencyKey === undefined
        ? uuidv7(this.#queue.clock.now())
        : uuidv5(`flow ${definition.name}`, keyOf('idempotencyKey', idempotencyKey));
    const row: FlowRow = {
      id,
      name: definition.name,
      payload: checked.value,
      state: 'running',
      step: 0,
      results: [],
      error: null,
      fingerprint: fingerprint(definition.name, payload),
    };
    const first = definition.steps[0] as FlowStep<unknown>;
    const stored = await this.#outbox.startFlow(
      row,
      (own) => this.#enqueue(row, first, { at: 0, direction: 'do' }, own),
      tx,
    );
    if (stored.fingerprint !== row.fingerprint) {
      throw new IdempotencyConflictError(definition.name, idempotencyKey ?? '', id);
    }
    return { id, deduplicated: stored !== row };
  }

  async status(id: string): Promise<FlowStatus | null> {
    const row = await this.#outbox.readFlow(id);
    if (!row) return null;
    const { name: flowName, state, step: at, results, error } = row;
    return { id, name: flowName, state, step: at, results, error };
  }

  /** Does what follows from the end of a job that is a step. Repeated, it changes nothing. */
  async settle(
    flows: ReadonlyMap<string, Flow>,
    facts: JobFacts,
    end: { readonly result: unknown } | { readonly error: unknown },
  ): Promise<void> {
    const [id = '', direction, at] = (facts.flow ?? '').split('/');
    const ended = Number(at);
    await this.#outbox.changeFlow(id, async (row, tx) => {
      const expected = direction === 'do' ? 'running' : 'compensating';
      if (row.state !== expected || row.step !== ended) return null; // told before
      const definition = flows.get(row.name);
      if (!definition) throw new TypeError(`Expected flow ${row.name} in the worker's \`flows\``);
      if (direction === 'undo') {
        if ('error' in end) return { ...row, state: 'stuck', error: messageOf(end.error) };
        return this.#back(definition, row, facts.trace, tx);
      }
      if ('error' in end) {
        return this.#back(definition, { ...row, error: messageOf(end.error) }, facts.trace, tx);
      }
      return this.#forward(definition, row, end.result, facts.trace, tx);
    });
  }

  async #forward(
    definition: Flow,
    row: FlowRow,
    result: unknown,
    trace: TraceContext | undefined,
    tx: SqlExecutor,
  ): Promise<FlowRow> {
    const at = row.step + 1;
    const moved = { ...row, step: at, results: [...row.results, result ?? null] };
    const next = definition.steps[at];
    if (!next) return { ...moved, state: 'succeeded' };
    try {
      await this.#enqueue(moved, next, { at, direction: 'do', trace }, tx);
      return moved;
    } catch (error) {
      // Not the database: the flow makes a payload that the step's job does not take
      if (!isInputError(error)) throw error;
      return this.#back(definition, { ...moved, error: messageOf(error) }, trace, tx);
    }
  }

  /** The next lower step that can be taken back. */
  async #back(
    definition: Flow,
    row: FlowRow,
    trace: TraceContext | undefined,
    tx: SqlExecutor,
  ): Promise<FlowRow> {
    for (let at = row.step - 1; at >= 0; at--) {
      const undo = definition.steps[at]?.undo;
      if (!undo) continue;
      const moved: FlowRow = { ...row, state: 'compensating', step: at };
      try {
        await this.#enqueue(moved, undo, { at, direction: 'undo', trace }, tx);
        return moved;
      } catch (error) {
        if (!isInputError(error)) throw error;
        return { ...moved, state: 'stuck', error: messageOf(error) };
      }
    }
    return { ...row, state: 'compensated', step: 0 };
  }

  async #enqueue(
    row: FlowRow,
    { job, input }: FlowJob<unknown>,
    { at, direction, trace }: StepPlace,
    tx: SqlExecutor,
  ): Promise<void> {
    const place = `${direction}/${at}`;
    let payload: unknown;
    try {
      payload = input({ payload: row.payload, results: row.results });
    } catch (error) {
      throw new JobPayloadError(job.name, [{ message: messageOf(error) }]);
    }
    const prepared = await this.#preparation.prepare(job, payload, {
      id: uuidv5(`flow ${row.id}`, place),
      flow: `${row.id}/${place}`,
      trace,
    });
    await this.#outbox.insert([prepared], tx);
  }

  get #outbox(): Outbox {
    const { outbox } = this.#queue;
    if (!outbox) throw new TypeError('Expected `outbox` in the queue: flows need one');
    return outbox;
  }
}

function messageOf(error: unknown): string {
  return textOf(error instanceof Error ? error.message : error).slice(0, 1_000);
}
