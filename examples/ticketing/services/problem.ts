/** Errors that a client is told of: each becomes the contract's `Problem` with its HTTP status. */
import type { z } from 'zod';
import { type Problem, type ProblemCode, problemCodes } from '../contract.ts';

/** `throw new ProblemError('seat_taken', 'Someone was faster with C-12.')` answers 409. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly problem: Problem;
  readonly status: number;
  constructor(code: ProblemCode, message: string, details: Partial<Problem> = {}) {
    super(message);
    this.problem = { ...details, code, message };
    this.status = problemCodes[code];
  }
}

/** @throws ProblemError `invalid_input`, whose `fields` names every field that is wrong */
export function parse<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const fields: Record<string, string> = {};
  for (const issue of result.error.issues) {
    fields[issue.path.join('.') || 'body'] ??= issue.message;
  }
  const names = Object.keys(fields).join(', ');
  throw new ProblemError('invalid_input', `Please check: ${names}.`, { fields });
}

/** What a client is told of an error; of one that is ours it is told nothing but to come back. */
export function toProblem(error: unknown): { status: number; problem: Problem } {
  if (error instanceof ProblemError) return error;
  const { statusCode = 500, message = '' } = error as { statusCode?: number; message?: string };
  if (statusCode >= 400 && statusCode < 500) {
    const code = statusCode === 413 ? 'too_large' : 'invalid_input';
    return { status: statusCode, problem: { code, message } };
  }
  const problem: Problem = {
    code: 'unavailable',
    message: 'Something went wrong on our side. Please try again in a moment.',
    retryAfterMs: 1_000,
  };
  return { status: 503, problem };
}
