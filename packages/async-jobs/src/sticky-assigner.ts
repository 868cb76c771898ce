import { type Place, placeOf } from './topic-partition.ts';

interface Member {
  readonly memberId: string;
  readonly memberMetadata: Buffer;
}

/** The part of kafkajs' cluster that an assigner is given. */
interface ClusterLike {
  /** Learns of topics that this member does not read itself. */
  addMultipleTargetTopics(topics: string[]): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[];
}

/** What a member said when it joined. */
interface Wish {
  readonly memberId: string;
  readonly topics: ReadonlySet<string>;
  readonly held: ReadonlySet<string>;
}

const NAME = 'evenkeel-sticky';
const VERSION = 0;
// How kafkajs calls what a topic can be that its brokers do not tell of
const UNSEEN = [
  'UNKNOWN_TOPIC_OR_PARTITION',
  'TOPIC_AUTHORIZATION_FAILED',
  'INVALID_TOPIC_EXCEPTION',
];

/**
 * An assigner, in the shape kafkajs wants it, that moves as few partitions as it can: what runs when a partition moves may be
 * delivered again, and kafkajs' own (by turns, in the order of random ids) moves most of them
 * whenever a worker joins or leaves. Members say what they hold when they join, and whoever leads the
 * group takes away only what is above a member's share. During a deploy members may read different
 * topics: each topic is shared by those that read it, whatever the leader reads.
 */
export function stickyAssigner(held: () => readonly Place[]) {
  return ({ cluster }: { readonly cluster: ClusterLike }) => ({
    name: NAME,
    version: VERSION,

    protocol({ topics }: { readonly topics: readonly string[] }) {
      const userData = Buffer.from(JSON.stringify(held().map(keyOf)));
      const metadata = [int16(VERSION), array(topics, text), int32(userData.length), userData];
      return { name: NAME, metadata: Buffer.concat(metadata) };
    },

    async assign({ members, topics }: { members: readonly Member[]; topics: readonly string[] }) {
      const wishes = members.map((member) => wishOf(member, topics));
      const given = new Map<string, Place[]>(members.map(({ memberId }) => [memberId, []]));
      for (const { read, readers } of byReaders(wishes)) {
        await know(
          cluster,
          read.filter((topic) => !topics.includes(topic)),
        );
        const places = read
          .flatMap((topic) =>
            cluster
              .findTopicPartitionMetadata(topic)
              .map(({ partitionId }) => ({ topic, partition: partitionId })),
          )
          // Every topic is spread over the members, and not one to this and one to that
          .sort((a, b) => a.partition - b.partition || (a.topic < b.topic ? -1 : 1));
        for (const one of share(places, readers)) given.get(one.memberId)?.push(...one.given);
      }
      return [...given].map(([memberId, own]) => ({ memberId, memberAssignment: encode(own) }));
    },
  });
}

/** The topics, together where the same members read them. */
function byReaders(wishes: readonly Wish[]): Iterable<{ read: string[]; readers: Wish[] }> {
  const found = new Map<string, { read: string[]; readers: Wish[] }>();
  for (const topic of new Set(wishes.flatMap((wish) => [...wish.topics]))) {
    const readers = wishes.filter((wish) => wish.topics.has(topic));
    const names = JSON.stringify(readers.map(({ memberId }) => memberId));
    const group = found.get(names) ?? { read: [], readers };
    group.read.push(topic);
    found.set(names, group);
  }
  return found.values();
}

/** One that is not there, or not for this member to see, has no partitions to share. */
async function know(cluster: ClusterLike, topics: readonly string[]): Promise<void> {
  for (const topic of topics) {
    await cluster.addMultipleTargetTopics([topic]).catch((error: { type?: string }) => {
      if (!UNSEEN.includes(error.type ?? '')) throw error;
    });
  }
}

/** Gives everyone as many as everyone else, give or take one, and first of what he holds. */
export function share<T extends Place>(
  places: readonly T[],
  wishes: readonly Omit<Wish, 'topics'>[],
): { readonly memberId: string; readonly given: T[] }[] {
  const least = Math.floor(places.length / wishes.length);
  let more = places.length % wishes.length; // so many members have one more
  const free = new Set(places);
  const shares = wishes.map(({ memberId, held }) => ({
    memberId,
    given: places.filter((place) => held.has(keyOf(place))),
  }));
  // Those who hold most may keep one more
  shares.sort((a, b) => b.given.length - a.given.length || (a.memberId < b.memberId ? -1 : 1));
  for (const one of shares) {
    const own = one.given.filter((place) => free.has(place)); // nobody else has said that he holds it
    one.given = own.slice(0, own.length > least && more > 0 ? least + 1 : least);
    if (one.given.length > least) more--;
    for (const place of one.given) free.delete(place);
  }
  for (const place of free) {
    const poorest = shares.reduce((a, b) => (b.given.length < a.given.length ? b : a));
    poorest.given.push(place);
  }
  return shares;
}

const keyOf = ({ topic, partition }: Place): string => placeOf(topic, partition);

/** What a member said. Another program says nothing of what it holds; who cannot be understood reads what we do. */
function wishOf({ memberId, memberMetadata }: Member, topics: readonly string[]): Wish {
  const read = new Set<string>();
  let at = 2;
  try {
    const count = memberMetadata.readInt32BE(at);
    at += 4;
    for (let i = 0; i < count; i++) {
      const length = memberMetadata.readInt16BE(at);
      read.add(memberMetadata.toString('utf8', at + 2, at + 2 + length));
      at += 2 + length;
    }
  } catch {
    return { memberId, topics: new Set(topics), held: new Set() };
  }
  return { memberId, topics: read, held: new Set(heldBy(memberMetadata.subarray(at + 4))) };
}

function heldBy(userData: Buffer): string[] {
  try {
    const places: unknown = JSON.parse(userData.toString());
    return Array.isArray(places) ? places.map(String) : [];
  } catch {
    return [];
  }
}

/** @see https://kafka.apache.org/protocol ConsumerProtocolAssignment */
function encode(given: readonly Place[]): Buffer {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of given) {
    topics.set(topic, [...(topics.get(topic) ?? []), partition]);
  }
  const one = ([topic, partitions]: [string, number[]]): Buffer =>
    Buffer.concat([text(topic), array(partitions, int32)]);
  return Buffer.concat([int16(VERSION), array([...topics], one), int32(0)]);
}

/** The partitions in what `assign` gave a member, or any other assigner did. */
export function decodeAssignment(bytes: Buffer): Place[] {
  const places: Place[] = [];
  if (bytes.length < 6) return places; // of a member without any
  let at = 2;
  const count = bytes.readInt32BE(at);
  at += 4;
  for (let i = 0; i < count; i++) {
    const length = bytes.readInt16BE(at);
    const topic = bytes.toString('utf8', at + 2, at + 2 + length);
    at += 2 + length;
    const partitions = bytes.readInt32BE(at);
    at += 4;
    for (let j = 0; j < partitions; j++, at += 4) {
      places.push({ topic, partition: bytes.readInt32BE(at) });
    }
  }
  return places;
}

function array<T>(items: readonly T[], encodeItem: (item: T) => Buffer): Buffer {
  return Buffer.concat([int32(items.length), ...items.map(encodeItem)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([int16(bytes.length), bytes]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
