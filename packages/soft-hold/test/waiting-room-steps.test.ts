import { expect, it } from 'vitest';
import { boundOf, DRAWN_BUCKETS, stepsOf } from '../src/waiting-room/arrivals.ts';
import { placeBelow } from '../src/waiting-room/status.ts';

/** People drawn by lot from numbers that are the same each time. */
function drawn(count: number): Map<number, number> {
  const people = new Map<number, number>();
  for (let n = 0, state = 1; n < count; n += 1) {
    state = (state * 48_271) % 2_147_483_647;
    const bucket = Math.floor((state / 2_147_483_647) * DRAWN_BUCKETS);
    people.set(bucket, (people.get(bucket) ?? 0) + 1);
  }
  return people;
}

it.each([100, 1_000, 30_000])('of %d people nobody who was let in has to wait again', (count) => {
  const people = drawn(count);
  const most = Math.max(...people.values());
  const wrong: string[] = [];
  let before = 0;
  for (let admitted = 0; admitted <= count; admitted += Math.ceil(count / 1_000)) {
    const steps = stepsOf(people, DRAWN_BUCKETS, admitted);
    if (steps.length > 600) wrong.push(`${steps.length} steps`);
    const border = placeBelow(steps, admitted);
    if (border < before) wrong.push(`of ${admitted} back from ${before} to ${border}`);
    before = border;
    // and so many are let in as are admitted, to within one part of the draw
    const below = [...people]
      .filter(([bucket]) => boundOf(bucket) <= border)
      .reduce((sum, [, some]) => sum + some, 0);
    if (below > admitted || below <= admitted - most) wrong.push(`${below} of ${admitted}`);
  }
  expect(wrong).toEqual([]);
  expect(before).toBe(boundOf(Math.max(...people.keys())));
});
