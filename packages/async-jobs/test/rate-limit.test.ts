import { expect, it } from 'vitest';
import { rateLimitOf } from '../src/rate-limit.ts';

const [max, perMs] = [5, 300];

it('gives out at most `max` moments within any `perMs`, and none later than it must be', async () => {
  const limit = rateLimitOf({ max, perMs });
  const moments: number[] = [];
  let now = 1_000;
  for (let i = 0; i < 500; i++) {
    now += [0, 0, 1, 7, 40, 299, 650][(i * 13) % 7] as number;
    const moment = now + (await limit.reserve(now));
    const earliest = i < max ? now : Math.max(now, (moments[i - max] as number) + perMs);
    expect(moment).toBe(earliest);
    moments.push(moment);
  }
});

it('keeps nobody waiting for a clock that was set back', async () => {
  const limit = rateLimitOf({ max, perMs });
  for (let i = 0; i < max; i++) expect(await limit.reserve(3_600_000)).toBe(0);
  expect(await limit.reserve(0)).toBe(perMs);
});
