/**
 * The part of kafkajs that is called here, so that neither its code nor its types are needed to
 * load this package. `new Kafka(...)` of kafkajs 2 has this shape.
 */
export interface KafkaLike {
  // biome-ignore lint/suspicious/noExplicitAny: kafkajs declares narrower configurations
  producer(config?: any): KafkaProducerLike;
  // biome-ignore lint/suspicious/noExplicitAny: kafkajs declares narrower configurations
  consumer(config: any): KafkaConsumerLike;
  // biome-ignore lint/suspicious/noExplicitAny: kafkajs declares narrower configurations
  admin(config?: any): KafkaAdminLike;
}

export interface KafkaProducerLike {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: kafkajs declares narrower records
  send(records: any): Promise<unknown>;
}

export interface KafkaConsumerLike {
  readonly events: {
    readonly GROUP_JOIN: string;
    readonly REBALANCING: string;
    readonly CRASH: string;
    readonly HEARTBEAT: string;
    readonly FETCH: string;
    readonly COMMIT_OFFSETS: string;
  };
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  subscribe(subscription: { topics: string[]; fromBeginning: boolean }): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: kafkajs declares a narrower configuration
  run(config: any): Promise<void>;
  commitOffsets(
    offsets: { topic: string; partition: number; offset: string; metadata: string | null }[],
  ): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: kafkajs declares one overload per event
  on(event: any, listener: (event: any) => void): unknown;
}

export interface KafkaAdminLike {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: kafkajs declares a narrower configuration
  createTopics(options: any): Promise<boolean>;
  listTopics(): Promise<string[]>;
  describeCluster(): Promise<unknown>;
  fetchTopicMetadata(options: { topics: string[] }): Promise<{
    topics: { name: string; partitions: { partitionId: number; leader: number }[] }[];
  }>;
  fetchTopicOffsets(topic: string): Promise<{ partition: number; high: string; low: string }[]>;
  fetchOffsets(options: { groupId: string; topics: string[] }): Promise<
    {
      topic: string;
      partitions: { partition: number; offset: string; metadata: string | null }[];
    }[]
  >;
}

/** What kafkajs hands to `eachBatch`. */
export interface KafkaBatchPayload {
  readonly batch: {
    readonly topic: string;
    readonly partition: number;
    readonly highWatermark: string;
    readonly messages: readonly KafkaMessage[];
  };
  resolveOffset(offset: string): void;
  /** Stops fetching this partition; the answer takes that back. */
  pause(): () => void;
  isRunning(): boolean;
  /** Sends a heartbeat if one is due. */
  heartbeat(): Promise<void>;
}

export interface KafkaMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Record<
    string,
    Buffer | string | (Buffer | string | null)[] | null | undefined
  >;
}
