import { expect, it } from 'vitest';
import { ratePerSecond } from '../load/pace.ts';

it('sells as many tickets as go into the CPU that is free for them', () => {
  expect(ratePerSecond(1_200, 100, 20)).toBe(12);
});

it('sells no more than a scenario wants, also where a system does not tell what a ticket costs', () => {
  expect(ratePerSecond(1_200, 30, 20)).toBe(20);
  expect(ratePerSecond(1_200, 0, 20)).toBe(20);
});

it('sells one a second where everything is busy already', () => {
  expect(ratePerSecond(-200, 100, 20)).toBe(1);
});
