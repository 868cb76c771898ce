import { Assignment } from './assignment.ts';
import type { JobQueue } from './async-jobs.ts';
import type {
  AssignedPartition,
  IncomingRecord,
  PartitionOffsets,
  Subscription,
  SubscriptionListener,
} from './transport.ts';

const BUFFER = 500;

/** A record, and how to say that it is dealt with. */
interface Item {
  readonly record: IncomingRecord;
  readonly done: () => void;
}

/**
 * Reads a topic from what its group has dealt with to what was its end at the beginning, as an
 * async iterator: a consumer that is pulled.
 */
export class LetterReader implements SubscriptionListener {
  readonly #queue: JobQueue;
  readonly #topic: string;
  readonly #committed: readonly AssignedPartition[] | undefined;
  readonly #subscription: Subscription;
  readonly #assignment: Assignment;
  readonly #positions = new Map<number, number>();
  #ends: readonly PartitionOffsets[] = [];
  #items: Item[] = [];
  #wake: () => void = () => {};
  #room: (() => void)[] = [];
  #failure: unknown = null;

  constructor(
    queue: JobQueue,
    topic: string,
    options: {
      readonly group: string;
      /** What another group has dealt with: this one only looks, and commits nothing. */
      readonly committed?: readonly AssignedPartition[];
    },
  ) {
    this.#queue = queue;
    this.#topic = topic;
    this.#committed = options.committed;
    this.#assignment = new Assignment({
      clock: queue.clock,
      commitIntervalMs: 500,
      commitEvery: 500,
      subscription: () => this.#subscription,
      error: (error) => this.error(error),
    });
    this.#subscription = queue.transport.subscribe(
      {
        topics: [topic],
        group: options.group,
        sessionTimeoutMs: 10_000,
        heartbeatMs: 1_000,
        rebalanceTimeoutMs: 30_000,
      },
      this,
    );
  }

  /** Records of the topic when reading began. */
  get total(): number {
    return this.#ends.reduce((sum, { first, next }) => sum + next - first, 0);
  }

  async *read(signal?: AbortSignal): AsyncGenerator<Item> {
    this.#ends = await this.#queue.transport.offsets(this.#topic);
    if (this.total === 0) return;
    const onAbort = (): void => this.#wake();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await this.#subscription.start();
      while (!signal?.aborted) {
        const items = this.#items.splice(0);
        for (const item of items) {
          yield item;
          if (signal?.aborted) return;
        }
        for (const resolve of this.#room.splice(0)) resolve();
        if (this.#items.length > 0) continue;
        if (this.#atEnd()) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        if (this.#failure) throw this.#failure;
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Commits what was dealt with, and leaves. */
  async close(): Promise<void> {
    for (const resolve of this.#room.splice(0)) resolve();
    if (!this.#committed) await this.#assignment.close();
    await this.#subscription.close();
  }

  async rebalancing(): Promise<void> {
    if (!this.#committed) await this.#assignment.handOver();
  }

  assigned(partitions: readonly AssignedPartition[]): void {
    const own = (partition: number) => this.#committed?.find((one) => one.partition === partition);
    this.#assignment.assign(partitions.map((one) => own(one.partition) ?? one));
    this.#items = [];
    this.#positions.clear();
    for (const { partition, committed } of partitions) {
      this.#positions.set(partition, committed?.offset ?? 0);
    }
    this.#wake();
  }

  admit(topic: string, partition: number, records: readonly IncomingRecord[]): number {
    const fitting = records.slice(0, Math.max(0, BUFFER - this.#items.length));
    for (const record of fitting) {
      this.#positions.set(partition, record.offset + 1);
      const floor = this.#committed?.find((one) => one.partition === partition)?.committed?.offset;
      if (record.offset < (floor ?? 0)) continue;
      const owner = this.#assignment.ownerOf(topic, partition, record.offset);
      if (!owner?.tracker.receive(record.offset)) continue;
      this.#items.push({ record, done: () => this.#assignment.complete(owner, record.offset) });
    }
    this.#wake();
    return fitting.length;
  }

  space(): Promise<void> {
    return new Promise((resolve) => this.#room.push(resolve));
  }

  error(error: unknown): void {
    this.#failure = error;
    this.#wake();
  }

  #atEnd(): boolean {
    return this.#ends.every(({ partition, first, next }) => {
      const position = this.#positions.get(partition);
      return first === next || (position !== undefined && position >= next);
    });
  }
}
