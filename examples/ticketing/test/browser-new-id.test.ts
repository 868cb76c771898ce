import { expect, it } from 'vitest';
import { holdRequestSchema } from '../contract.ts';
import { newId } from '../web/src/new-id.ts';

it('makes ids that the contract accepts, each of its own', () => {
  const ids = Array.from({ length: 200 }, () => newId());
  for (const id of ids) {
    expect(holdRequestSchema.safeParse({ id, event: 'e', seats: ['A-1'] }).success).toBe(true);
  }
  expect(new Set(ids).size).toBe(200);
});
