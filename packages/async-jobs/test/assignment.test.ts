import { expect, it } from 'vitest';
import { Assignment } from '../src/assignment.ts';
import { systemClock } from '../src/clock.ts';
import type { OffsetCommit, Subscription } from '../src/index.ts';

function newAssignment() {
  let last: OffsetCommit | undefined;
  let answers: 'well' | 'not at all' | 'nobody hears' = 'well';
  const commit = async (commits: readonly OffsetCommit[]) => {
    if (answers !== 'nobody hears') last = commits[0];
    if (answers !== 'well') throw new Error('no answer');
  };
  const assignment = new Assignment({
    clock: systemClock,
    commitIntervalMs: 60_000,
    commitEvery: 1_000,
    subscription: () => ({ commit }) as unknown as Subscription,
    error: (error) => {
      if (answers === 'well') throw error;
    },
  });
  const assign = () =>
    assignment.assign([{ topic: 't', partition: 0, committed: last ? { ...last } : null }]);
  const owner = (offset: number) => {
    const found = assignment.ownerOf('t', 0, offset);
    if (!found) throw new Error('no owner');
    return found;
  };
  assign();
  const broker = (how: typeof answers) => {
    answers = how;
  };
  return { assignment, assign, owner, broker, committed: () => last };
}

it('knows its commit again that arrived without an answer, however often it was repeated in vain', async () => {
  const { assignment, assign, owner, broker, committed } = newAssignment();
  const { tracker } = owner(0);
  for (let offset = 0; offset < 10; offset++) tracker.receive(offset);
  assignment.complete(owner(0), 0);
  broker('not at all');
  await assignment.commit();
  expect(committed()?.offset).toBe(1);
  broker('nobody hears');
  for (let offset = 1; offset < 10; offset++) {
    assignment.complete(owner(offset), offset);
    for (let again = 0; again < 20; again++) await assignment.commit();
  }
  broker('well');
  assign();
  expect(owner(1).tracker).toBe(tracker); // or the other nine would be delivered again
  await assignment.commit();
  expect(committed()?.offset).toBe(10);
});

it('goes on while a partition that stayed is read again from its commit, and commits go on meanwhile', async () => {
  const { assignment, assign, owner, committed } = newAssignment();
  for (let offset = 0; offset < 10; offset++) {
    expect(owner(offset).tracker.receive(offset)).toBe(true);
    if (offset !== 3) assignment.complete(owner(offset), offset);
  }
  await assignment.commit();
  expect(committed()?.offset).toBe(3);
  assign();
  const { tracker } = owner(3);
  expect(tracker.receive(3)).toBe(false);
  assignment.complete(owner(3), 3);
  await assignment.commit();
  expect(committed()?.offset).toBe(10);
  for (let offset = 4; offset < 10; offset++) {
    expect(owner(offset).tracker).toBe(tracker);
    expect(tracker.receive(offset)).toBe(false); // done, though below what is committed now
  }
  expect(owner(10).tracker.receive(10)).toBe(true);
});

it('begins anew with a log that begins anew, also while it is read again', async () => {
  const { assignment, assign, owner, committed } = newAssignment();
  for (let offset = 0; offset < 10; offset++) {
    owner(offset).tracker.receive(offset);
    assignment.complete(owner(offset), offset);
  }
  await assignment.commit();
  expect(owner(0).tracker.receive(0)).toBe(true);
  assignment.complete(owner(0), 0);
  await assignment.commit();
  expect(committed()?.offset).toBe(1);
  for (let offset = 1; offset < 5; offset++) {
    owner(offset).tracker.receive(offset);
    assignment.complete(owner(offset), offset);
  }
  await assignment.commit();
  assign();
  expect(owner(5).tracker.receive(5)).toBe(true);
  expect(owner(0).tracker.receive(0)).toBe(true);
});
