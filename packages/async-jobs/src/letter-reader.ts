import { Assignment, type Partition } from './assignment.ts';
import type { JobQueue } from './async-jobs.ts';
import { sleep } from './clock.ts';
import type {
  AssignedPartition,
  IncomingRecord,
  PartitionOffsets,
  Subscription,
  SubscriptionListener,
} from './transport.ts';

const BUFFER = 500;
const LOOK_MS = 1_000;
/** The transport deals with its troubles by itself, unless nothing comes of it for so long. */
const PATIENCE_MS = 30_000;
const COMMITS = 3;

/** A record, and whose it is. */
export interface Item {
  readonly record: IncomingRecord;
  readonly owner: Partition;
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
  #trouble: { readonly sinceMs: number; error: unknown } | null = null;
  #uncommitted: unknown = null;

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
      error: (error) => {
        this.#uncommitted = error;
      },
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
        const woken = new AbortController();
        this.#wake = () => woken.abort();
        await sleep(this.#queue.clock, LOOK_MS, woken.signal);
        this.#throwLasting();
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Whether it could be remembered that these are dealt with, beside what is already. */
  canTell(items: readonly Item[]): boolean {
    return [...new Set(items.map(({ owner }) => owner))].every((owner) => {
      const own = items.filter((item) => item.owner === owner);
      return this.#assignment.canTell(owner, new Set(own.map(({ record }) => record.offset)));
    });
  }

  /** Notes that an item is dealt with. */
  complete({ owner, record }: Item): void {
    this.#assignment.complete(owner, record.offset);
  }

  /** Commits what was dealt with. @throws CommitError: it would be shown and taken again */
  async settle(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      this.#uncommitted = null;
      await this.#assignment.handOver();
      if (this.#uncommitted === null) return;
      if (attempt === COMMITS) throw this.#uncommitted;
      await sleep(this.#queue.clock, LOOK_MS);
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
    if (partitions.length === 0) this.#trouble = null; // another member has them: it is waited for
    this.#wake();
  }

  admit(topic: string, partition: number, records: readonly IncomingRecord[]): number {
    this.#trouble = null;
    const fitting = records.slice(0, Math.max(0, BUFFER - this.#items.length));
    for (const record of fitting) {
      this.#positions.set(partition, record.offset + 1);
      const floor = this.#committed?.find((one) => one.partition === partition)?.committed?.offset;
      if (record.offset < (floor ?? 0)) continue;
      const owner = this.#assignment.ownerOf(topic, partition, record.offset);
      if (!owner?.tracker.receive(record.offset)) continue;
      this.#items.push({ record, owner });
    }
    this.#wake();
    return fitting.length;
  }

  space(): Promise<void> {
    return new Promise((resolve) => this.#room.push(resolve));
  }

  error(error: unknown): void {
    this.#trouble ??= { sinceMs: this.#queue.clock.now(), error };
    this.#trouble.error = error;
  }

  #throwLasting(): void {
    const trouble = this.#trouble;
    if (trouble && this.#queue.clock.now() - trouble.sinceMs > PATIENCE_MS) throw trouble.error;
  }

  #atEnd(): boolean {
    return this.#ends.every(({ partition, first, next }) => {
      const position = this.#positions.get(partition);
      return first === next || (position !== undefined && position >= next);
    });
  }
}
