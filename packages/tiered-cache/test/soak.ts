/**
 * The soak for longer, or again: `node --conditions=@evenkeel/source --import tsx test/soak.ts
 * --minutes 10 --seed 42`. Ends with 1 when anything was stale or wrong.
 */
import { parseArgs } from 'node:util';
import { soak } from './support/soak.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);
console.log(`soak: ${values.minutes} minutes, --seed ${seed}`);
const result = await soak(Number(values.minutes) * 60, seed);
console.log(result);
process.exit(result.stale.length + result.failures.length + result.resurrected.length > 0 ? 1 : 0);
