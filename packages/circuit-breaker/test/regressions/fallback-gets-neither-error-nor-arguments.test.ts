import { expect, it } from 'vitest';
import { breakerWith, failure } from '../support.ts';

// cockatiel 4 calls its fallback with nothing at all.
it('a fallback knows what failed and what was asked for', async () => {
  const { breaker } = breakerWith();
  const price = breaker.wrap(
    (_sku: string, _count: number): Promise<string> => Promise.reject(failure),
    {
      fallback: (error, [sku, count]) => `${(error as Error).message}: ${count} ${sku}`,
    },
  );
  expect(await price('ticket', 2)).toBe('down: 2 ticket');
});
