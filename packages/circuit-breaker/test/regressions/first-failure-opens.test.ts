import { expect, it } from 'vitest';
import { breakerWith, fail } from '../support.ts';

// opossum 10 has a volume threshold of 0: the first call, failing, opens the circuit.
it('a single failure, or nine, opens nothing by default', async () => {
  const { breaker } = breakerWith();
  await fail(breaker, 9);
  expect(breaker.state).toBe('closed');
});
