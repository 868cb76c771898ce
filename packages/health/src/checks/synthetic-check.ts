import type { CheckSource } from '../check.ts';
import { UnexpectedDataError } from '../errors.ts';
import { knownOptions } from '../known-options.ts';
import { requireFunction } from '../options.ts';

/** One step of a business request: gets what the step before gave, `undefined` at first. */
export type SyntheticStep = (previous: unknown, signal: AbortSignal) => unknown;

/** A whole business request, as a customer would make it. */
export interface SyntheticCheckOptions {
  /** What is done, in this order, by name: `{ hold, pay, release }`. At least one. */
  readonly steps: Readonly<Record<string, SyntheticStep>>;
  /** Whether what the last step gave is what a customer should get; default: everything is. */
  readonly expect?: (result: unknown) => boolean;
  /**
   * Takes back what was done, given what the last finished step gave. Runs after every run, also a failed or timed-out
   * one, so it gets no signal: bound it yourself.
   */
  readonly cleanup?: (last: unknown) => unknown;
}

/**
 * Does a whole business request in named steps, so that a failure says where: `hold: no seat is free`.
 * Do it with data of its own (an event that is never sold), and give it an `intervalMs`: a probe should not start it.
 * Scope `shared`. Resolves with `{ stepMs }`, the time of each step.
 * @throws TypeError when a step is not a function, RangeError when there is none.
 */
export function syntheticCheck(options: SyntheticCheckOptions): CheckSource {
  knownOptions(options, { steps: true, expect: true, cleanup: true });
  const steps = Object.entries(options.steps ?? {});
  if (steps.length === 0) throw new RangeError('Expected `steps` to have at least one, got none');
  for (const [name, step] of steps) requireFunction(`steps.${name}`, step);
  const expect = requireFunction('expect', options.expect ?? (() => true));
  const cleanup = requireFunction('cleanup', options.cleanup ?? (() => undefined));
  return {
    name: 'synthetic',
    scope: 'shared',
    async check(signal) {
      const stepMs: Record<string, number> = {};
      let last: unknown;
      let failure: { readonly error: unknown } | undefined;
      try {
        for (const [name, step] of steps) {
          const startedAt = performance.now();
          last = await within(name, () => {
            signal.throwIfAborted();
            return step(last, signal);
          });
          stepMs[name] = Math.round(performance.now() - startedAt);
        }
        if (!(await expect(last))) throw new UnexpectedDataError('synthetic', 'unexpected result');
      } catch (error) {
        failure = { error };
      }
      // What failed first is what counts; that it could not be taken back comes second.
      const untidy = await within('cleanup', () => cleanup(last)).then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
      const first = failure ?? untidy;
      if (first !== undefined) throw first.error;
      return { stepMs };
    },
  };
}

/** The same failure, which says in which step it was. */
async function within(name: string, run: () => unknown): Promise<unknown> {
  try {
    return await run();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${name}: ${message}`, { cause });
  }
}
