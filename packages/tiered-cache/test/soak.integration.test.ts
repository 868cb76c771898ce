import { expect, test } from 'vitest';
import { soak } from './support/soak.ts';

/** `test/soak.ts --minutes N` goes on for longer. */
const SECONDS = 60;
const SEED = Number(process.env.SOAK_SEED ?? Date.now() % 1_000_000);

test(`soak on five Redis and six processes (SOAK_SEED=${SEED}): nothing stays stale, own writes and \`after\` hold`, async () => {
  console.log(`soak: ${SECONDS} s, SOAK_SEED=${SEED}`);
  const result = await soak(SECONDS, SEED);
  console.log(`soak: ${JSON.stringify(result)}`);
  expect(result.failures).toEqual([]);
  expect(result.stale).toEqual([]);
  expect(result.resurrected).toEqual([]);
  expect(result.pairs).toBe(240);
  expect(result.faults['empty master']).toBe(1);
  expect(result.reads).toBeGreaterThan(SECONDS * 50);
  expect(result.writes).toBeGreaterThan(SECONDS * 2);
  expect(result.hits).toBeGreaterThan(result.reads / 20);
}, 180_000);
