import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeAssignment, share, stickyAssigner } from '../src/sticky-assigner.ts';

type Places = { topic: string; partition: number }[];
const nameOf = ({ topic, partition }: Places[number]) => `${topic}/${partition}`;
const placesOf = (topics: readonly string[], partitions: number): Places =>
  Array.from({ length: partitions }, (_, partition) =>
    topics.map((topic) => ({ topic, partition })),
  ).flat();

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
  const cluster = { findTopicPartitionMetadata: () => [{ partitionId: 0 }, { partitionId: 1 }] };
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
  const cluster = {
    findTopicPartitionMetadata: (topic: string) =>
      Array.from({ length: topic === 'a' ? 3 : 2 }, (_, partitionId) => ({ partitionId })),
  };
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
