import { type Clock, sleep, within } from './clock.ts';
import { CommitError, TransportTimeoutError } from './errors.ts';
import { GroupMembership, placeOf } from './group-membership.ts';
import type { PlatformaticClient } from './platformatic-client.ts';
import { type Fetched, fetchFrom, offsetsOf, type Position } from './platformatic-fetch.ts';
import { isToJoin, PlatformaticMember } from './platformatic-member.ts';
import type {
  AssignedPartition,
  OffsetCommit,
  SubscribeOptions,
  Subscription,
  SubscriptionHealth,
  SubscriptionListener,
} from './transport.ts';

const MAX_WAIT_MS = 500;
// While a partition waits for room: it is to be read soon after it has some
const SHORT_WAIT_MS = 50;
const ANSWER_WITHIN_MS = 30_000;
const COMMIT_WITHIN_MS = 10_000;
const LEAVE_WITHIN_MS = 2_000;
const ROOM_AGAIN_MS = 5;
const FETCH_AGAIN_MS = 250;
const FETCH_FAILURES = 5;

/** A partition that is read. */
interface Reading extends Position {
  /** What was read of it does not fit: nothing more is read until it does. */
  isFull: boolean;
}

/** The clients of one membership. A broker answers a connection's requests in turn, and fetches wait. */
interface Clients {
  readonly group: PlatformaticClient;
  readonly fetching: PlatformaticClient;
  readonly member: PlatformaticMember;
}

/**
 * One member of a consumer group over `PlatformaticClient`: heartbeats on time whatever is read or
 * handled, a join only after what was running is committed, and partitions that are read one
 * without the other.
 */
export class PlatformaticConsumer implements Subscription {
  readonly #connectClient: () => PlatformaticClient;
  readonly #clock: Clock;
  readonly #options: SubscribeOptions;
  readonly #listener: SubscriptionListener;
  readonly #membership: GroupMembership;
  readonly #closed: () => void;
  /** Leaders none of whose partitions has room. */
  readonly #waiting = new Set<AbortController>();
  #clients: Clients | null = null;

  constructor(
    connectClient: () => PlatformaticClient,
    clock: Clock,
    options: SubscribeOptions,
    listener: SubscriptionListener,
    closed: () => void,
  ) {
    this.#closed = closed;
    this.#connectClient = connectClient;
    this.#clock = clock;
    this.#options = options;
    this.#listener = listener;
    this.#membership = new GroupMembership(clock, options, listener, {
      connect: () => this.#connect(),
      discard: () => this.#discard(),
      committed: () => this.#committed(),
    });
  }

  start(): Promise<void> {
    return this.#membership.start();
  }

  async commit(offsets: readonly OffsetCommit[]): Promise<void> {
    const { group } = this.#options;
    const clients = this.#clients;
    if (!clients) throw new CommitError(group);
    const late = () => new TransportTimeoutError('Committing offsets', COMMIT_WITHIN_MS);
    try {
      await within(this.#clock, COMMIT_WITHIN_MS, clients.member.commit(offsets), late);
    } catch (error) {
      throw new CommitError(group, error);
    }
  }

  health(): SubscriptionHealth {
    return this.#membership.health();
  }

  async close(): Promise<void> {
    await this.#membership.close();
    this.#closed();
  }

  async #connect(): Promise<void> {
    const membership = this.#membership;
    membership.joining();
    const group = this.#connectClient();
    const fetching = this.#connectClient();
    const held = () => membership.partitions;
    const member = new PlatformaticMember(group, this.#clock, this.#options, held);
    const clients = { group, fetching, member };
    this.#clients = clients;
    if (!(await this.#join(clients))) return;
    membership.connected();
    void this.#beat(clients);
  }

  /** False when other clients have taken the place of these meanwhile: a late join is nobody's. */
  async #join(clients: Clients): Promise<boolean> {
    const { rebalanceTimeoutMs, sessionTimeoutMs } = this.#options;
    const limitMs = rebalanceTimeoutMs + sessionTimeoutMs;
    const late = () => new TransportTimeoutError('Joining the group', limitMs);
    const joining = clients.member.join(() => this.#isCurrent(clients));
    const places = await within(this.#clock, limitMs, joining, late);
    if (!this.#isCurrent(clients)) return false;
    this.#membership.join(places);
    this.#membership.alive();
    await this.#membership.ready;
    if (!this.#isCurrent(clients)) return false;
    void this.#read(clients);
    return true;
  }

  /** Heartbeats, for as long as these clients are the ones. */
  async #beat(clients: Clients): Promise<void> {
    const { heartbeatMs, sessionTimeoutMs } = this.#options;
    const membership = this.#membership;
    const { signal } = membership;
    const late = () => new TransportTimeoutError('A heartbeat', sessionTimeoutMs);
    for (let aliveAt = this.#clock.now(); ; ) {
      await sleep(this.#clock, heartbeatMs, signal);
      if (!this.#isCurrent(clients)) return;
      try {
        await within(this.#clock, sessionTimeoutMs, clients.member.heartbeat(), late);
        membership.alive();
        aliveAt = this.#clock.now();
      } catch (error) {
        if (!this.#isCurrent(clients)) return;
        const mayWait = this.#clock.now() - aliveAt < sessionTimeoutMs;
        if (isToJoin(error)) {
          if (!(await this.#joinAgain(clients))) return;
          aliveAt = this.#clock.now();
        } else {
          this.#listener.error(error);
          if (!mayWait) return membership.rebuild();
        }
      }
    }
  }

  #isCurrent(clients: Clients): boolean {
    return this.#clients === clients && !this.#membership.signal.aborted;
  }

  /** Gives the partitions away with what is done committed, and takes the new ones. */
  async #joinAgain(clients: Clients): Promise<boolean> {
    this.#membership.freeze();
    await this.#membership.handOver();
    try {
      return await this.#join(clients);
    } catch (error) {
      this.#listener.error(error);
      if (this.#isCurrent(clients)) this.#membership.rebuild();
      return false;
    }
  }

  async #committed(): Promise<Map<string, AssignedPartition>> {
    return (await this.#clients?.member.committed()) ?? new Map();
  }

  /** Reads the partitions of this assignment until the next. */
  async #read(clients: Clients): Promise<void> {
    const holds = this.#membership.holds();
    const positions = await this.#positions(clients, holds);
    for (let failures = 0; holds() && positions.length > 0; ) {
      try {
        await this.#readFromLeaders(clients, positions, holds, () => {
          failures = 0;
        });
      } catch (error) {
        if (!holds()) return;
        this.#listener.error(error);
        if (++failures === FETCH_FAILURES) return this.#membership.rebuild();
        await sleep(this.#clock, FETCH_AGAIN_MS * failures, this.#membership.signal);
      }
    }
  }

  /** Where reading begins: at what is committed, else at the first record. Asks until it is answered. */
  async #positions(clients: Clients, holds: () => boolean): Promise<Reading[]> {
    const { partitions, signal } = this.#membership;
    while (holds()) {
      try {
        const committed = await clients.member.committed();
        const found: Reading[] = [];
        const earliest = new Map<string, number>();
        for (const { topic, partition } of partitions) {
          const place = placeOf(topic, partition);
          const offset = committed.get(place)?.committed?.offset;
          if (offset === undefined && !earliest.has(place)) {
            for (const one of await offsetsOf(clients.group, topic)) {
              earliest.set(placeOf(topic, one.partition), one.first);
            }
          }
          found.push({
            topic,
            partition,
            offset: offset ?? earliest.get(place) ?? 0,
            isFull: false,
          });
        }
        return found;
      } catch (error) {
        this.#listener.error(error);
        await sleep(this.#clock, FETCH_AGAIN_MS, signal);
      }
    }
    return [];
  }

  /** Reads from every leader on its own. Rejects when one of them fails or leads no more. */
  async #readFromLeaders(
    { fetching }: Clients,
    positions: readonly Reading[],
    holds: () => boolean,
    succeeded: () => void,
  ): Promise<void> {
    const byLeader = new Map<number, Reading[]>();
    for (const topic of new Set(positions.map((one) => one.topic))) {
      const { leaders } = await fetching.topic(topic, true);
      for (const position of positions.filter((one) => one.topic === topic)) {
        const leader = leaders[position.partition] ?? -1;
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), position]);
      }
    }
    let failed = false;
    const goesOn = () => holds() && !failed;
    await Promise.all(
      [...byLeader].map(async ([node, own]) => {
        try {
          while (goesOn()) {
            await this.#readOnce(fetching, node, own, goesOn, holds);
            succeeded();
          }
        } catch (error) {
          failed = true;
          throw error;
        }
      }),
    );
  }

  async #readOnce(
    client: PlatformaticClient,
    node: number,
    positions: readonly Reading[],
    goesOn: () => boolean,
    holds: () => boolean,
  ): Promise<void> {
    const free = positions.filter(({ isFull }) => !isFull);
    if (free.length === 0) return this.#roomAnywhere();
    const maxWaitMs = free.length === positions.length ? MAX_WAIT_MS : SHORT_WAIT_MS;
    const { fetched, outOfRange, error } = await within(
      this.#clock,
      ANSWER_WITHIN_MS,
      fetchFrom(client, node, free, maxWaitMs),
      () => new TransportTimeoutError('Reading from Kafka', ANSWER_WITHIN_MS),
    );
    this.#membership.alive();
    for (const one of fetched) {
      if (!goesOn()) return;
      one.position.offset = one.next;
      this.#offer(one, holds);
    }
    for (const position of outOfRange) {
      const offsets = await offsetsOf(client, position.topic);
      position.offset = offsets[position.partition]?.first ?? 0;
    }
    if (error) throw error;
  }

  /** Offers records; what does not fit is kept and offered again when there is room. */
  #offer({ position, records, end }: Fetched<Reading>, holds: () => boolean): void {
    const { topic, partition } = position;
    let rest = records;
    const fits = (): boolean => {
      while (rest.length > 0) {
        const taken = this.#listener.admit(topic, partition, rest, end);
        if (taken === 0) return false;
        rest = rest.slice(taken);
      }
      return true;
    };
    if (fits()) return;
    position.isFull = true;
    void (async () => {
      for (;;) {
        await this.#listener.space(topic, partition);
        if (!holds() || fits()) break;
        await sleep(this.#clock, ROOM_AGAIN_MS);
      }
      position.isFull = false;
      for (const waiting of this.#waiting) waiting.abort();
    })();
  }

  async #roomAnywhere(): Promise<void> {
    const found = new AbortController();
    this.#waiting.add(found);
    await sleep(this.#clock, MAX_WAIT_MS, found.signal);
    this.#waiting.delete(found);
  }

  async #discard(): Promise<void> {
    const clients = this.#clients;
    this.#clients = null;
    if (!clients) return;
    const late = () => new TransportTimeoutError('Leaving the group', LEAVE_WITHIN_MS);
    // When it cannot, the group notices by the session timeout
    await within(this.#clock, LEAVE_WITHIN_MS, clients.member.leave(), late).catch((error) =>
      this.#listener.error(error),
    );
    await Promise.all([clients.group.close(), clients.fetching.close()]);
  }
}
