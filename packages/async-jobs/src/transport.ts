/** A record to be sent. Its partition is the murmur2 hash of `key`; without one, any. */
export interface OutgoingRecord {
  readonly topic: string;
  readonly key: string | null;
  readonly value: string | Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** A record as it was read. */
export interface IncomingRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** A partition given to this member, with what its group committed last (null: nothing yet). */
export interface AssignedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly committed: { readonly offset: number; readonly metadata: string | null } | null;
}

/** An offset to commit: everything below `offset` is finished. */
export interface OffsetCommit {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** At most 3,072 bytes of text kept with the offset. */
  readonly metadata: string;
}

/** What a consumer tells its owner. None of these may throw. */
export interface SubscriptionListener {
  /**
   * The group is being rebalanced: start no new work until `assigned`. Resolves when what was
   * running has ended and is committed; a transport that can waits a while for that before it lets
   * go of the partitions. Never rejects.
   */
  rebalancing(): Promise<void>;
  /** The complete new assignment, after every join; before the first record of it. */
  assigned(partitions: readonly AssignedPartition[]): void;
  /**
   * Takes records of an assigned partition in order, as many as fit, and returns how many. The
   * rest is offered again after `space()`, and other partitions go on meanwhile. Records seen
   * before may be offered again. `end` is the offset after the last record the broker has.
   */
  admit(topic: string, partition: number, records: readonly IncomingRecord[], end: number): number;
  /** Resolves when `admit` may take more of this partition. */
  space(topic: string, partition: number): Promise<void>;
  /** Something went wrong that the transport deals with by itself. */
  error(error: unknown): void;
}

/** What a consumer needs to know. */
export interface SubscribeOptions {
  readonly topics: readonly string[];
  readonly group: string;
  /** Milliseconds without a heartbeat after which the group gives this member's partitions away. */
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly rebalanceTimeoutMs: number;
}

/** The state of a consumer, for health checks. */
export interface SubscriptionHealth {
  readonly state: 'joining' | 'running' | 'rebuilding' | 'closed';
  /** Partitions held now, over all topics. */
  readonly partitions: number;
  /** Milliseconds since the last sign of life from the broker. */
  readonly silentMs: number;
  /** Clients rebuilt in the last five minutes. */
  readonly rebuilds: number;
}

/** One member of one consumer group. */
export interface Subscription {
  /** Joins the group; resolves after the first assignment. */
  start(): Promise<void>;
  /** Resolves when the broker has stored the offsets. @throws CommitError */
  commit(offsets: readonly OffsetCommit[]): Promise<void>;
  health(): SubscriptionHealth;
  /** Leaves the group. Commit before: nothing can be committed while leaving. */
  close(): Promise<void>;
}

/** A topic that should exist. */
export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  /** The broker's default when absent. */
  readonly replicationFactor?: number;
  readonly retentionMs?: number;
}

/** The part of a partition's log that exists: [first, next). */
export interface PartitionOffsets {
  readonly partition: number;
  readonly first: number;
  readonly next: number;
}

/**
 * What jobs travel on: topics with partitions, consumer groups, offsets with metadata. Drivers:
 * `kafkajsTransport`, `platformaticTransport` and, for tests without servers, `memoryTransport`.
 */
export interface Transport {
  readonly name: string;
  /** Resolves after all in-sync replicas have every record. Order per key is the order of calls. Sending nothing connects, so that the first job need not wait for it. */
  send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void>;
  /** Creates the topics that are missing. Safe from several processes at once. */
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>;
  subscribe(options: SubscribeOptions, listener: SubscriptionListener): Subscription;
  /** First and next offset of every partition. */
  offsets(topic: string): Promise<readonly PartitionOffsets[]>;
  /** What a group has committed on a topic; partitions it never committed on have null. */
  committed(group: string, topic: string): Promise<readonly AssignedPartition[]>;
  /** Resolves when the broker answers. */
  ping(signal: AbortSignal): Promise<void>;
  /** Ends what belongs to the transport; the injected client stays the caller's. */
  close(): Promise<void>;
}
