import type { AssignedPartition, IncomingRecord, SubscriptionListener } from '@evenkeel/async-jobs';

/** Takes what a transport delivers, as much as `capacity` allows, and writes down everything. */
export class RecordingListener implements SubscriptionListener {
  readonly assignments: (readonly AssignedPartition[])[] = [];
  readonly taken: { topic: string; partition: number; record: IncomingRecord }[] = [];
  readonly errors: unknown[] = [];
  rebalances = 0;
  readonly blocked = new Set<string>();
  capacity = Number.POSITIVE_INFINITY;
  #waiting: (() => void)[] = [];

  async rebalancing(): Promise<void> {
    this.rebalances++;
  }

  assigned(partitions: readonly AssignedPartition[]): void {
    this.assignments.push(partitions);
  }

  admit(topic: string, partition: number, records: readonly IncomingRecord[]): number {
    if (this.blocked.has(topic)) return 0;
    const fitting = records.slice(0, Math.max(0, this.capacity - this.taken.length));
    for (const record of fitting) this.taken.push({ topic, partition, record });
    return fitting.length;
  }

  space(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  error(error: unknown): void {
    this.errors.push(error);
  }

  /** Room for so many more. */
  makeRoom(more: number): void {
    this.capacity = this.taken.length + more;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  get values(): string[] {
    return this.taken.map(({ record }) => Buffer.from(record.value ?? '').toString());
  }

  get partitions(): number[] {
    return (this.assignments.at(-1) ?? []).map(({ partition }) => partition).sort((a, b) => a - b);
  }
}
