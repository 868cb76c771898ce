import { type Clock, sleep } from './clock.ts';
import { TopicMissingError } from './errors.ts';
import { isError, type PlatformaticClient, type PlatformaticError } from './platformatic-client.ts';
import { decodeAssignment, stickyAssigner } from './sticky-assigner.ts';
import { type Place, placeOf } from './topic-partition.ts';
import type { AssignedPartition, OffsetCommit, SubscribeOptions } from './transport.ts';

const PROTOCOL_TYPE = 'consumer';
const JOIN_AGAIN_MS = 200;

interface JoinResponse {
  readonly generationId: number;
  readonly protocolName: string;
  readonly leader: string;
  readonly memberId: string;
  readonly members: readonly { readonly memberId: string; readonly metadata: Buffer }[];
}

interface OffsetFetchResponse {
  readonly groups: readonly {
    readonly topics: readonly {
      readonly name: string;
      readonly partitions: readonly {
        readonly partitionIndex: number;
        readonly committedOffset: bigint;
        readonly metadata: string | null;
      }[];
    }[];
  }[];
}

/** A member of a consumer group in Kafka's classic protocol: the calls, and nothing that happens by itself. */
export class PlatformaticMember {
  readonly #client: PlatformaticClient;
  readonly #clock: Clock;
  readonly #options: SubscribeOptions;
  readonly #held: () => readonly Place[];
  #coordinator: number | null = null;
  #memberId = '';
  #generationId = -1;

  /** `held` gives the partitions held now: they are asked to be kept. */
  constructor(
    client: PlatformaticClient,
    clock: Clock,
    options: SubscribeOptions,
    held: () => readonly Place[],
  ) {
    this.#client = client;
    this.#clock = clock;
    this.#options = options;
    this.#held = held;
  }

  /** Joins the group, again if need be, and resolves to this member's partitions. */
  async join(goesOn: () => boolean): Promise<Place[]> {
    for (;;) {
      try {
        return await this.#joinOnce();
      } catch (error) {
        if (!this.#forgets(error) || !goesOn()) throw error;
        // A new id is to be used at once; others are still joining, or a coordinator is starting
        if (!isError(error, 'MEMBER_ID_REQUIRED')) {
          await sleep(this.#clock, JOIN_AGAIN_MS);
        }
      }
    }
  }

  /** Tells the coordinator that this member lives. @throws an error of the protocol when it is to join again */
  async heartbeat(): Promise<void> {
    try {
      await this.#ask('Heartbeat', this.#options.group, this.#generationId, this.#memberId, null);
    } catch (error) {
      this.#forgets(error);
      throw error;
    }
  }

  async commit(offsets: readonly OffsetCommit[]): Promise<void> {
    const topics = new Map<string, object[]>();
    for (const { topic, partition, offset, metadata } of offsets) {
      const partitions = topics.get(topic) ?? [];
      topics.set(topic, partitions);
      partitions.push({
        partitionIndex: partition,
        committedOffset: BigInt(offset),
        committedLeaderEpoch: -1,
        committedMetadata: metadata,
      });
    }
    await this.#ask(
      'OffsetCommit',
      this.#options.group,
      this.#generationId,
      this.#memberId,
      null,
      [...topics].map(([name, partitions]) => ({ name, partitions })),
    );
  }

  /** What the group has committed on the topics of the subscription. */
  async committed(): Promise<Map<string, AssignedPartition>> {
    const { group, topics } = this.#options;
    return committedOf(this.#client, group, topics);
  }

  async leave(): Promise<void> {
    if (this.#generationId < 0) return;
    await this.#ask('LeaveGroup', this.#options.group, [
      { memberId: this.#memberId, groupInstanceId: null, reason: null },
    ]);
  }

  async #joinOnce(): Promise<Place[]> {
    const { topics, group, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options;
    const partitions = new Map<string, number>();
    const count = async (topic: string): Promise<void> => {
      partitions.set(topic, (await this.#client.topic(topic, true)).leaders.length);
    };
    for (const topic of topics) await count(topic);
    const assigner = stickyAssigner(this.#held)({
      cluster: {
        addMultipleTargetTopics: async (others) => {
          for (const topic of others) {
            await count(topic).catch((error) => {
              if (!(error instanceof TopicMissingError)) throw error;
            });
          }
        },
        findTopicPartitionMetadata: (topic) =>
          Array.from({ length: partitions.get(topic) ?? 0 }, (_, partitionId) => ({ partitionId })),
      },
    });
    const joined = await this.#ask<JoinResponse>(
      'JoinGroup',
      ...[group, sessionTimeoutMs, rebalanceTimeoutMs, this.#memberId, null, PROTOCOL_TYPE],
      [assigner.protocol({ topics })],
      null,
    );
    this.#memberId = joined.memberId;
    this.#generationId = joined.generationId;
    const isLeader = joined.leader === joined.memberId;
    const members = joined.members.map(({ memberId, metadata }) => ({
      memberId,
      memberMetadata: metadata,
    }));
    const shares = isLeader ? await assigner.assign({ members, topics }) : [];
    const { assignment } = await this.#ask<{ readonly assignment: Buffer }>(
      'SyncGroup',
      ...[group, joined.generationId, joined.memberId, null, PROTOCOL_TYPE, joined.protocolName],
      shares.map(({ memberId, memberAssignment }) => ({ memberId, assignment: memberAssignment })),
    );
    // A leader of another program may give away what nobody asked for
    return decodeAssignment(assignment).filter(({ topic }) => topics.includes(topic));
  }

  /** Forgets what an error says is wrong. Whether another try may then succeed. */
  #forgets(error: unknown): boolean {
    const { response } = error as PlatformaticError;
    if (isError(error, 'MEMBER_ID_REQUIRED')) this.#memberId = response?.memberId ?? '';
    else if (isError(error, 'UNKNOWN_MEMBER_ID')) this.#memberId = '';
    else if (isError(error, ...COORDINATOR_MOVED)) this.#coordinator = null;
    else return isError(error, ...REJOIN);
    return true;
  }

  async #ask<T>(name: string, ...args: unknown[]): Promise<T> {
    try {
      this.#coordinator ??= await this.#client.coordinatorOf(this.#options.group);
      return await this.#client.call<T>(this.#coordinator, name, ...args);
    } catch (error) {
      if (!('response' in (error as object))) this.#coordinator = null; // not answered: it may be elsewhere
      throw error;
    }
  }
}

const COORDINATOR_MOVED = [
  'NOT_COORDINATOR',
  'COORDINATOR_NOT_AVAILABLE',
  'COORDINATOR_LOAD_IN_PROGRESS',
];
const REJOIN = ['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION'];

/** Whether a heartbeat's error says that the member is to join again. */
export function isToJoin(error: unknown): boolean {
  return isError(error, ...REJOIN, 'UNKNOWN_MEMBER_ID');
}

/** What a group has committed on topics, by `<topic>/<partition>`. */
export async function committedOf(
  client: PlatformaticClient,
  group: string,
  topics: readonly string[],
): Promise<Map<string, AssignedPartition>> {
  const asked: object[] = [];
  for (const name of topics) {
    const { leaders } = await client.topic(name);
    asked.push({ name, partitionIndexes: [...leaders.keys()] });
  }
  const { groups } = await client.call<OffsetFetchResponse>(
    await client.coordinatorOf(group),
    'OffsetFetch',
    [{ groupId: group, memberId: null, memberEpoch: -1, topics: asked }],
    false,
  );
  const found = new Map<string, AssignedPartition>();
  for (const { name: topic, partitions } of groups.flatMap((one) => one.topics)) {
    for (const { partitionIndex: partition, committedOffset, metadata } of partitions) {
      const committed =
        committedOffset >= 0n ? { offset: Number(committedOffset), metadata } : null;
      found.set(placeOf(topic, partition), { topic, partition, committed });
    }
  }
  return found;
}
