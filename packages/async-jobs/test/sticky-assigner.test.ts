import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeAssignment, share, stickyAssigner } from '../src/sticky-assigner.ts';

type Places = { topic: string; partition: number }[];
const nameOf = ({ topic, partition }: Places[number]) => `${topic}/${partition}`;
const placesOf = (topics: readonly string[], partitions: number): Places =>
  Array.from({ length: partitions }, (_, partition) =>
    topics.map((topic) => ({ topic, partition })),
  ).flat();

/** What kafkajs gives an assigner: it knows of a topic after it was told of it. */
function clusterOf(partitions: Record<string, number>, known = Object.keys(partitions)) {
  const seen = new Set(known);
  return {
    addMultipleTargetTopics: async (topics: string[]) => {
      for (const topic of topics) {
        if (!(topic in partitions)) {
          throw Object.assign(new Error('unknown'), { type: 'UNKNOWN_TOPIC_OR_PARTITION' });
        }
        seen.add(topic);
      }
    },
    findTopicPartitionMetadata: (topic: string) =>
      Array.from({ length: seen.has(topic) ? (partitions[topic] ?? 0) : 0 }, (_, partitionId) => ({
        partitionId,
      })),
  };
}

const members = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 9,
});

it('gives every partition to one member, the same number to each give or take one, whatever they say', () => {
  fc.assert(
    fc.property(members, fc.nat(12), fc.array(fc.array(fc.nat(14))), (ids, partitions, said) => {
      const places = placesOf(['a', 'b'], partitions);
      const shares = share(
        places,
        ids.map((memberId, i) => ({
          memberId,
          held: new Set((said[i] ?? []).map((partition) => `a/${partition}`)),
        })),
      );
      const given = shares.flatMap((one) => one.given.map(nameOf));
      expect(given.sort()).toEqual(places.map(nameOf).sort());
      const sizes = shares.map((one) => one.given.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
  );
});

it('moves no partition but those of who leaves, and to who joins only his share', () => {
  fc.assert(
    fc.property(members, fc.integer({ min: 1, max: 30 }), fc.nat(8), (ids, partitions, leaver) => {
      const places = placesOf(['a'], partitions);
      const asHeld = (shares: ReturnType<typeof share>) =>
        shares.map(({ memberId, given }) => ({ memberId, held: new Set(given.map(nameOf)) }));
      const before = asHeld(
        share(places, asHeld(ids.map((memberId) => ({ memberId, given: [] })))),
      );
      const moved = (after: ReturnType<typeof share>) =>
        before.flatMap(({ memberId, held }) => {
          const kept = new Set(after.find((one) => one.memberId === memberId)?.given.map(nameOf));
          return [...held].filter((place) => !kept.has(place));
        });
      const joined = share(places, [...before, { memberId: 'joins', held: new Set<string>() }]);
      const got = joined.find(({ memberId }) => memberId === 'joins')?.given.map(nameOf) ?? [];
      expect(moved(joined).sort()).toEqual(got.sort());
      const left = before[leaver % before.length];
      if (!left || before.length === 1) return;
      const remaining = share(
        places,
        before.filter((one) => one !== left),
      );
      expect(moved(remaining).sort()).toEqual([...left.held].sort());
    }),
  );
});

it('speaks the protocol of consumer groups, also with members of other programs', async () => {
  const cluster = clusterOf({ t: 2 });
  const one = stickyAssigner(() => [{ topic: 't', partition: 1 }])({ cluster });
  const { name, metadata } = one.protocol({ topics: ['t'] });
  expect(name).toBe(one.name);
  expect(metadata.toString('latin1')).toBe(
    '\0\0' + '\0\0\0\x01' + '\0\x01t' + '\0\0\0\x07' + '["t/1"]',
  );
  const assigned = await one.assign({
    topics: ['t'],
    members: [
      {
        memberId: 'foreign',
        memberMetadata: Buffer.from('\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff', 'latin1'),
      },
      { memberId: 'ours', memberMetadata: metadata },
      { memberId: 'broken', memberMetadata: Buffer.alloc(0) },
    ],
  });
  const of = (id: string) =>
    assigned.find(({ memberId }) => memberId === id)?.memberAssignment.toString('latin1');
  const head = '\0\0' + '\0\0\0\x01' + '\0\x01t' + '\0\0\0\x01';
  expect(of('ours')).toBe(`${head}\0\0\0\x01\0\0\0\0`);
  expect([of('foreign'), of('broken')].sort()).toEqual(
    ['\0\0\0\0\0\0\0\0\0\0', `${head}\0\0\0\0\0\0\0\0`].sort(),
  );
});

it('reads back what it gives, and nothing from a member that got nothing', async () => {
  const topics = ['a', 'jobs.zahlung-grün'];
  const cluster = clusterOf({ a: 3, 'jobs.zahlung-grün': 2 });
  const [only] = await stickyAssigner(() => [])({ cluster }).assign({
    topics,
    members: [{ memberId: 'only', memberMetadata: Buffer.alloc(0) }],
  });
  const read = decodeAssignment(only?.memberAssignment ?? Buffer.alloc(0)).map(nameOf);
  expect(read.sort()).toEqual(
    [...placesOf(['a'], 3), ...placesOf(topics.slice(1), 2)].map(nameOf).sort(),
  );
  expect(decodeAssignment(Buffer.alloc(0))).toEqual([]);
  expect(decodeAssignment(Buffer.alloc(10))).toEqual([]);
});

it('shares a topic among those that read it, whoever leads, and the rest of them evenly', async () => {
  const cluster = clusterOf({ a: 4, high: 2, low: 3 }, ['a']);
  const member = (memberId: string, topics: string[], held: Places = []) => ({
    memberId,
    memberMetadata: stickyAssigner(() => held)({ cluster }).protocol({ topics }).metadata,
  });
  const assigned = await stickyAssigner(() => [])({ cluster }).assign({
    topics: ['a'],
    members: [
      member('leads', ['a'], [{ topic: 'high', partition: 0 }]), // held once, read no more
      member('new', ['a', 'high', 'gone']),
      member('newer', ['high', 'low', 'a'], [{ topic: 'a', partition: 3 }]),
      { memberId: 'broken', memberMetadata: Buffer.alloc(0) },
    ],
  });
  const given = assigned.map(({ memberId, memberAssignment }) => {
    const topics = decodeAssignment(memberAssignment).map(({ topic }) => topic);
    return [memberId, topics.sort().join(' ')];
  });
  expect(Object.fromEntries(given)).toEqual({
    leads: 'a',
    new: 'a high',
    newer: 'a high low low low',
    broken: 'a',
  });
  const newer = assigned.find(({ memberId }) => memberId === 'newer');
  expect(decodeAssignment(newer?.memberAssignment ?? Buffer.alloc(0)).map(nameOf)).toContain('a/3');
});

it('does not take a broker that fails for a topic that is not there', async () => {
  const cluster = {
    ...clusterOf({ a: 1 }),
    addMultipleTargetTopics: async () => {
      throw new Error('connection lost');
    },
  };
  const assigner = stickyAssigner(() => [])({ cluster });
  const members = [
    { memberId: 'one', memberMetadata: assigner.protocol({ topics: ['a', 'b'] }).metadata },
  ];
  await expect(assigner.assign({ topics: ['a'], members })).rejects.toThrow('connection lost');
});
