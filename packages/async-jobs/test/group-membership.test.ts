import { getActiveResourcesInfo } from 'node:process';
import { expect, it } from 'vitest';
import { type Clock, systemClock } from '../src/clock.ts';
import { GroupMembership } from '../src/group-membership.ts';
import { ManualClock } from './manual-clock.ts';
import { RecordingListener } from './recording-listener.ts';

const options = {
  topics: ['t'],
  group: 'g',
  sessionTimeoutMs: 6_000,
  heartbeatMs: 500,
  rebalanceTimeoutMs: 10_000,
};

function newMembership(
  clock: Clock = systemClock,
  connecting?: (attempt: number) => Promise<void>,
) {
  const listener = new RecordingListener();
  let attempts = 0;
  const committed = { topic: 't', partition: 0, committed: { offset: 7, metadata: 'x' } };
  const membership: GroupMembership = new GroupMembership(clock, options, listener, {
    connect: async () => {
      await connecting?.(++attempts);
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

it('counts what it replaces, and joins again with what was held', async () => {
  const held: number[] = [];
  const { membership, listener } = newMembership(systemClock, async () => {
    held.push(membership.partitions.length);
  });
  await membership.start();
  membership.rebuild();
  membership.rebuild(); // one at a time
  expect(membership.health()).toMatchObject({ rebuilds: 1, partitions: 0 });
  await expect.poll(() => membership.health().state, { timeout: 5_000 }).toBe('running');
  expect(held).toEqual([0, 2]);
  expect(listener.assignments).toHaveLength(2);
  await membership.close();
  expect(membership.health().state).toBe('closed');
});

it('is closed at once while a client connects that never has its turn', async () => {
  let attempts = 0;
  const begun = (attempt: number) => {
    attempts = attempt;
    return attempt === 1 ? Promise.resolve() : new Promise<void>(() => {});
  };
  const { membership, listener } = newMembership(systemClock, begun);
  await membership.start();
  membership.rebuild();
  await expect.poll(() => attempts, { timeout: 5_000 }).toBe(2);
  await membership.close();
  expect(listener.errors).toEqual([]);
  const { membership: first } = newMembership(systemClock, () => new Promise(() => {}));
  const starting = expect(first.start()).rejects.toMatchObject({ code: 'ERR_QUEUE_CLOSED' });
  await first.close();
  await starting;
});

it('replaces a client after a minute of silence, but lets it wait for the others that join as long as they may', async () => {
  const clock = new ManualClock();
  const { membership } = newMembership(clock);
  await membership.start();
  membership.alive();
  membership.freeze();
  await clock.advance(75_000);
  expect(membership.health()).toMatchObject({ state: 'running', rebuilds: 0 });
  membership.join([]);
  membership.alive();
  await membership.ready;
  await clock.advance(70_000);
  expect(membership.health()).toMatchObject({ rebuilds: 1 });
  membership.alive();
  membership.freeze();
  await clock.advance(80_000); // these are too late
  expect(membership.health()).toMatchObject({ rebuilds: 2 });
  await membership.close();
});
