import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SimulatedChain } from './support/simulated-chain.ts';

const moves = fc.array(fc.tuple(fc.nat(21), fc.nat(95)), {
  minLength: 50,
  maxLength: 150,
  size: 'max',
});

test('in any order of events no read gets a value older than the newest change its process knew of', () => {
  let hits = 0;
  fc.assert(
    fc.property(moves, (list) => {
      const chain = new SimulatedChain();
      for (const [what, choice] of list) chain.move(what, choice);
      hits += chain.hits;
    }),
    { numRuns: 1_000 },
  );
  expect(hits).toBeGreaterThan(1_000); // the local tier was in use
}, 60_000);
