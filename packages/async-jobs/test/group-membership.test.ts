import { getActiveResourcesInfo } from 'node:process';
import { expect, it } from 'vitest';
import { systemClock } from '../src/clock.ts';
import { GroupMembership } from '../src/group-membership.ts';
import { RecordingListener } from './recording-listener.ts';

const options = {
  topics: ['t'],
  group: 'g',
  sessionTimeoutMs: 6_000,
  heartbeatMs: 500,
  rebalanceTimeoutMs: 10_000,
};

function newMembership(listener = new RecordingListener()) {
  const committed = { topic: 't', partition: 0, committed: { offset: 7, metadata: 'x' } };
  const membership: GroupMembership = new GroupMembership(systemClock, options, listener, {
    connect: async () => {
      membership.join([
        { topic: 't', partition: 0 },
        { topic: 't', partition: 1 },
      ]);
      await membership.ready;
      membership.connected();
    },
    discard: async () => {},
    committed: async () => new Map([['t/0', committed]]),
  });
  return { membership, listener, committed };
}

it('keeps the process alive from start to close, also when no broker is there to be connected to', async () => {
  const timers = () => getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  const { membership } = newMembership();
  await membership.start();
  expect(timers()).toBe(before + 1);
  await membership.close();
  expect(timers()).toBe(before);
});

it('tells what is committed with every assignment, and an assignment holds until the next freeze', async () => {
  const { membership, listener, committed } = newMembership();
  await membership.start();
  expect(listener.assignments).toEqual([
    [committed, { topic: 't', partition: 1, committed: null }],
  ]);
  const holds = membership.holds();
  expect(holds()).toBe(true);
  membership.freeze();
  membership.freeze();
  expect(listener.rebalances).toBe(2); // one for the first join, one now
  expect([holds(), membership.holds()()]).toEqual([false, false]);
  membership.join([]);
  await membership.ready;
  expect([holds(), membership.holds()()]).toEqual([false, true]);
  await membership.close();
});

it('counts what it replaces, and joins again with nothing held', async () => {
  const { membership, listener } = newMembership();
  await membership.start();
  membership.rebuild();
  membership.rebuild(); // one at a time
  expect(membership.health()).toMatchObject({ rebuilds: 1, partitions: 0 });
  await expect.poll(() => membership.health().state, { timeout: 5_000 }).toBe('running');
  expect(listener.assignments).toHaveLength(2);
  await membership.close();
  expect(membership.health().state).toBe('closed');
});
