import type { CheckSource } from '../check.ts';
import { UnexpectedDataError } from '../errors.ts';
import { knownOptions } from '../known-options.ts';
import { requireInteger, requireMethods, requireText } from '../options.ts';

/** What is called of a kafkajs `Kafka`. */
export interface KafkaLike {
  admin(options: { retry: { retries: number; initialRetryTime: number } }): KafkaAdminLike;
}

/** What is called of a kafkajs admin client. */
export interface KafkaAdminLike {
  connect(): Promise<unknown>;
  disconnect(): Promise<unknown>;
  describeCluster(): Promise<{ readonly brokers: readonly unknown[] }>;
  fetchTopicMetadata(options: { topics: string[] }): Promise<{
    readonly topics: readonly {
      readonly name: string;
      readonly partitions: readonly { readonly partitionId: number; readonly leader: number }[];
    }[];
  }>;
  fetchTopicOffsets(
    topic: string,
  ): Promise<readonly { readonly partition: number; readonly offset: string }[]>;
  fetchOffsets(options: { groupId: string; topics: string[] }): Promise<
    readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
    }[]
  >;
}

/** Enough for a group whose coordinator has just moved; any more would outlive the budget. */
const RETRY = { retries: 2, initialRetryTime: 50 };

/** What `kafkaCheck` asks and expects. */
export interface KafkaCheckOptions {
  /** Brokers that must be there; default 1. */
  readonly minBrokers?: number;
  /** Topics whose every partition must have a leader; default none. */
  readonly topics?: readonly string[];
  /** The consumer group whose lag on `topics` is measured; needs `topics`; default none. */
  readonly groupId?: string;
  /** Messages that the group may be behind, over all partitions; default no limit. Needs `groupId`. */
  readonly maxLag?: number;
}

/**
 * Asks the cluster for its brokers, for the leaders of the topics and for a consumer group's lag, through one admin
 * connection of its own, opened at the first run, kept, and replaced after a failure.
 * Partitions that the group never committed count from the beginning of the log's numbering, as the lag that they are.
 * Scope `shared`. Resolves with `{ brokers }`, with a group also `{ lag }`.
 * @throws TypeError or RangeError naming field, rule and value.
 */
export function kafkaCheck(kafka: KafkaLike, options: KafkaCheckOptions = {}): CheckSource {
  requireMethods('kafka', kafka, ['admin']);
  knownOptions(options, { minBrokers: true, topics: true, groupId: true, maxLag: true });
  const minBrokers = requireInteger('minBrokers', options.minBrokers ?? 1, 1);
  const topics = [...(options.topics ?? [])];
  for (const topic of topics) requireText('topics', topic, /\S/, 'not to be empty');
  const { groupId, maxLag } = options;
  if (groupId !== undefined) {
    requireText('groupId', groupId, /\S/, 'not to be empty');
    if (topics.length === 0) throw new RangeError('Expected `topics` with `groupId`, got none');
  }
  if (maxLag !== undefined) {
    requireInteger('maxLag', maxLag, 0);
    if (groupId === undefined) throw new RangeError('Expected `groupId` with `maxLag`, got none');
  }
  let kept: KafkaAdminLike | undefined;

  const drop = async () => {
    const admin = kept;
    kept = undefined;
    // It may be the very connection that hangs.
    await admin?.disconnect().catch(() => undefined);
  };

  const ask = async () => {
    if (kept === undefined) {
      kept = kafka.admin({ retry: RETRY });
      await kept.connect();
    }
    const admin = kept;
    const brokers = (await admin.describeCluster()).brokers.length;
    if (brokers < minBrokers) {
      throw new UnexpectedDataError('kafka', `${brokers} brokers, expected at least ${minBrokers}`);
    }
    if (topics.length > 0) await requireLeaders(admin, topics);
    if (groupId === undefined) return { brokers };
    const lag = await lagOf(admin, groupId, topics);
    if (maxLag !== undefined && lag > maxLag) {
      throw new UnexpectedDataError(
        'kafka',
        `${groupId} is ${lag} messages behind, allowed ${maxLag}`,
      );
    }
    return { brokers, lag };
  };

  return {
    name: 'kafka',
    scope: 'shared',
    async check(signal) {
      const onAbort = () => void drop();
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof UnexpectedDataError)) void drop();
        throw error;
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },
    close: drop,
  };
}

async function requireLeaders(admin: KafkaAdminLike, names: string[]): Promise<void> {
  const { topics } = await admin.fetchTopicMetadata({ topics: names });
  for (const topic of topics) {
    const orphan = topic.partitions.find(({ leader }) => leader < 0);
    if (orphan !== undefined || topic.partitions.length === 0) {
      const where = orphan === undefined ? '' : `/${orphan.partitionId}`;
      throw new UnexpectedDataError('kafka', `${topic.name}${where} has no leader`);
    }
  }
}

async function lagOf(admin: KafkaAdminLike, groupId: string, topics: string[]): Promise<number> {
  const committed = await admin.fetchOffsets({ groupId, topics });
  let lag = 0;
  for (const topic of topics) {
    const partitions = committed.find((entry) => entry.topic === topic)?.partitions ?? [];
    for (const { partition, offset } of await admin.fetchTopicOffsets(topic)) {
      // -1 is Kafka's word for "nothing committed".
      const at = Number(partitions.find((entry) => entry.partition === partition)?.offset ?? -1);
      lag += Math.max(0, Number(offset) - Math.max(0, at));
    }
  }
  return lag;
}
