import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Health, type Quorum, type QuorumCount, type QuorumVote } from '../src/index.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A quorum whose answers are told one by one. */
class Fleet implements Quorum {
  readonly votes: QuorumVote[] = [];
  count: QuorumCount = { well: 0, unwell: 0 };
  behaviour: 'answer' | 'reject' | 'throw' | 'hang' = 'answer';

  vote(vote: QuorumVote): Promise<QuorumCount> {
    this.votes.push(vote);
    if (this.behaviour === 'throw') throw new Error('sync');
    if (this.behaviour === 'reject') return Promise.reject(new Error('redis://:hunter2@r is gone'));
    if (this.behaviour === 'hang') return new Promise(() => undefined);
    return Promise.resolve(this.count);
  }
}

function setUp(scope: 'shared' | 'local' = 'shared') {
  const fleet = new Fleet();
  const health = new Health({ service: 'orders', quorum: fleet });
  let isDown = false;
  const check = () => {
    if (isDown) throw new Error('down');
  };
  health.check('db', check, { scope, ttlMs: 0, failAfter: 2, recoverAfter: 1 });
  const probe = async () => {
    const { status } = await health.readiness();
    await vi.advanceTimersByTimeAsync(0); // the vote's answer
    return status;
  };
  const down = (value: boolean) => {
    isDown = value;
  };
  return { fleet, health, probe, down };
}

describe('a shared failure', () => {
  test('takes the instance out when most others are well, once failAfter is reached, and back in', async () => {
    const { fleet, health, probe, down } = setUp();
    fleet.count = { well: 4, unwell: 0 };
    const seen = [await probe()];
    down(true);
    for (let i = 0; i < 3; i++) seen.push(await probe());
    expect(health.snapshot().checks[0]).toMatchObject({ isAlone: true, status: 'fail' });
    down(false);
    seen.push(await probe());
    expect(seen).toEqual(['pass', 'warn', 'fail', 'fail', 'pass']);
    expect(fleet.votes.map(({ isWell }) => isWell)).toEqual([true, false, false, false, true]);
    expect(fleet.votes[0]).toEqual({ service: 'orders', check: 'db', isWell: true });
  });

  test.each<[string, QuorumCount]>([
    ['all others are unwell', { well: 0, unwell: 4 }],
    ['nobody else is known', { well: 0, unwell: 0 }],
    ['one other is well: two cannot tell who is right', { well: 1, unwell: 0 }],
    ['exactly half of the fleet is well', { well: 3, unwell: 2 }],
  ])('degrades when %s', async (_, count) => {
    const { fleet, probe, down } = setUp();
    fleet.count = count;
    await probe();
    down(true);
    for (let i = 0; i < 5; i++) expect(await probe()).toBe('warn');
  });

  test.each(['reject', 'throw', 'hang'] as const)(
    'degrades again when the quorum begins to %s',
    async (behaviour) => {
      const { fleet, probe, down } = setUp();
      fleet.count = { well: 4, unwell: 0 };
      down(true);
      await probe();
      expect(await probe()).toBe('fail');
      fleet.behaviour = behaviour;
      await probe();
      await vi.advanceTimersByTimeAsync(500);
      expect(await probe()).toBe('warn');
      const { length } = fleet.votes;
      for (let i = 0; i < 10; i++) expect(await probe()).toBe('warn');
      // A hanging client is not given one vote after another.
      if (behaviour === 'hang') expect(fleet.votes).toHaveLength(length);
    },
  );
});

test('a view that arrives after its budget makes nobody alone', async () => {
  let arrive: (count: QuorumCount) => void = () => undefined;
  const quorum = { vote: () => new Promise<QuorumCount>((resolve) => (arrive = resolve)) };
  const health = new Health({ service: 'orders', quorum });
  const failing = () => Promise.reject(new Error('down'));
  health.check('db', failing, { scope: 'shared', ttlMs: 0 });
  await health.readiness();
  await vi.advanceTimersByTimeAsync(501);
  arrive({ well: 9, unwell: 0 });
  await vi.advanceTimersByTimeAsync(0);
  expect(health.snapshot().groups.readiness).toBe('warn');
});

test('local checks are not voted on, and a draining instance has no vote', async () => {
  const local = setUp('local');
  local.down(true);
  expect(await local.probe()).toBe('fail');
  expect(local.fleet.votes).toEqual([]);
  const shared = setUp();
  shared.health.drain();
  await shared.probe();
  expect(shared.fleet.votes).toEqual([]);
});

test('what is no quorum is refused', () => {
  expect(() => new Health({ service: 'x', quorum: {} as never })).toThrow('`quorum.vote`');
});
