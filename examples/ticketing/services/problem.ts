/** Errors that a client is told of: each becomes the contract's `Problem` with its HTTP status. */
import type { z } from 'zod';
import type { Problem, ProblemCode } from '../contract.ts';

const statuses: Record<ProblemCode, number> = {
  invalid_input: 400,
  unauthorized: 401,
  not_found: 404,
  email_taken: 409,
  seat_taken: 409,
  limit_reached: 409,
  conflict: 409,
  hold_expired: 410,
  too_many_attempts: 429,
  unavailable: 503,
};

/** `throw new ProblemError('seat_taken', 'Someone was faster with C-12.')` answers 409. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly problem: Problem;
  readonly status: number;
  constructor(code: ProblemCode, message: string, details: Partial<Problem> = {}) {
    super(message);
    this.problem = { ...details, code, message };
    this.status = statuses[code];
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
