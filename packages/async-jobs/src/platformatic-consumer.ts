import { type Clock, sleep } from './clock.ts';
import { CommitError } from './errors.ts';
import { GroupMembership } from './group-membership.ts';
import type { PlatformaticClient } from './platformatic-client.ts';
import { isToJoin, PlatformaticMember } from './platformatic-member.ts';
import { PlatformaticReader } from './platformatic-reader.ts';
import type {
  AssignedPartition,
  OffsetCommit,
  SubscribeOptions,
  Subscription,
  SubscriptionHealth,
  SubscriptionListener,
} from './transport.ts';
import { within } from './within.ts';

const COMMIT_WITHIN_MS = 10_000;
const LEAVE_WITHIN_MS = 2_000;

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
  #clients: Clients | null = null;
  #reader: PlatformaticReader | null = null;

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
    try {
      await within(
        this.#clock,
        COMMIT_WITHIN_MS,
        clients.member.commit(offsets),
        'Committing offsets',
      );
    } catch (error) {
      throw new CommitError(group, error);
    }
  }

  /** Heartbeats may be answered while a leader of partitions is not: it is the longest silence that counts. */
  health(): SubscriptionHealth {
    const health = this.#membership.health();
    return { ...health, silentMs: Math.max(health.silentMs, this.#reader?.silentMs ?? 0) };
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
    const joining = clients.member.join(() => this.#isCurrent(clients));
    const places = await within(this.#clock, limitMs, joining, 'Joining the group');
    if (!this.#isCurrent(clients)) return false;
    this.#membership.join(places);
    this.#membership.alive();
    await this.#membership.ready;
    if (!this.#isCurrent(clients)) return false;
    this.#read(clients);
    return true;
  }

  /** Heartbeats, for as long as these clients are the ones. */
  async #beat(clients: Clients): Promise<void> {
    const { heartbeatMs, sessionTimeoutMs } = this.#options;
    const membership = this.#membership;
    const { signal } = membership;
    for (let aliveAt = this.#clock.now(); ; ) {
      await sleep(this.#clock, heartbeatMs, signal);
      if (!this.#isCurrent(clients)) return;
      try {
        await within(this.#clock, sessionTimeoutMs, clients.member.heartbeat(), 'A heartbeat');
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
  #read({ group, fetching, member }: Clients): void {
    const membership = this.#membership;
    this.#reader = new PlatformaticReader({
      clock: this.#clock,
      listener: this.#listener,
      asking: group,
      fetching,
      committed: () => member.committed(),
      holds: membership.holds(),
      signal: membership.signal,
      alive: () => membership.alive(),
      broken: () => membership.rebuild(),
    });
    void this.#reader.read(membership.partitions);
  }

  async #discard(): Promise<void> {
    const clients = this.#clients;
    this.#clients = null;
    if (!clients) return;
    // When it cannot, the group notices by the session timeout
    await within(this.#clock, LEAVE_WITHIN_MS, clients.member.leave(), 'Leaving the group').catch(
      (error) => this.#listener.error(error),
    );
    await Promise.all([clients.group.close(), clients.fetching.close()]);
  }
}
