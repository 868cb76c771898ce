import type { Clock } from './clock.ts';
import { OffsetTracker } from './offset-tracker.ts';
import { decodeRanges } from './run-length-map.ts';
import type { AssignedPartition, OffsetCommit, Subscription } from './transport.ts';

/** A partition while it is ours. Replaced, never reused: a record of a replaced one is nobody's. */
export interface Partition {
  readonly topic: string;
  readonly id: number;
  readonly tracker: OffsetTracker;
  /** False when another member has it: what becomes of its records is that member's business. */
  owned: boolean;
  /** Offset after the last record the broker was known to have. */
  end: number;
  acked: number | null;
  ackedMetadata: string;
  /** The offset of the last commit that was sent: it may have arrived although nobody told us. */
  sent: number | null;
}

/** When and where an assignment commits. */
export interface AssignmentOptions {
  readonly clock: Clock;
  readonly commitIntervalMs: number;
  readonly commitEvery: number;
  readonly subscription: () => Subscription;
  readonly error: (error: unknown) => void;
}

const METADATA_BYTES = 3_072;

/**
 * The partitions a consumer holds and what of them is finished and committed. One commit is under
 * way at a time, and none is lower than the last acknowledged one.
 */
export class Assignment {
  readonly #options: AssignmentOptions;
  #partitions = new Map<string, Partition>();
  #completions = 0;
  #committing: Promise<void> | null = null;
  #timer: unknown = null;
  #ackedAt: number;

  constructor(options: AssignmentOptions) {
    this.#options = options;
    this.#ackedAt = options.clock.now();
  }

  /** Takes a new, complete assignment: trackers of partitions that stayed ours go on. */
  assign(partitions: readonly AssignedPartition[]): void {
    const before = this.#partitions;
    this.#partitions = new Map();
    for (const { topic, partition, committed } of partitions) {
      const place = placeOf(topic, partition);
      const kept = before.get(place);
      before.delete(place);
      const known = committed?.offset ?? null;
      if (kept && (kept.acked === known || kept.sent === known)) {
        kept.acked = known;
        this.#partitions.set(place, kept);
        continue;
      }
      // Somebody else may have had it in between: start from what is committed
      if (kept) kept.owned = false;
      const ranges = committed ? decodeRanges(committed.offset, committed.metadata) : [];
      const tracker = new OffsetTracker(committed?.offset ?? null, ranges);
      this.#partitions.set(place, newPartition(topic, partition, tracker));
    }
    for (const lost of before.values()) lost.owned = false;
  }

  /** The partition's state; a fresh one when the log was cut or recreated below what is committed. */
  ownerOf(topic: string, id: number, offset: number): Partition | undefined {
    const place = placeOf(topic, id);
    const partition = this.#partitions.get(place);
    if (!partition) return undefined;
    const floor = partition.acked ?? partition.tracker.floor;
    if (floor === null || offset >= floor) return partition;
    partition.owned = false;
    const fresh = newPartition(topic, id, new OffsetTracker(null));
    this.#partitions.set(place, fresh);
    return fresh;
  }

  /** Marks a record's offset as finished, unless its partition is no longer ours. */
  complete(partition: Partition, offset: number): void {
    partition.tracker.complete(offset);
    if (++this.#completions >= this.#options.commitEvery) void this.commit();
  }

  /** Records the broker has above what is finished without a gap, as far as known from reading. */
  get lag(): number {
    let lag = 0;
    for (const { tracker, end } of this.#partitions.values()) {
      lag += Math.max(0, end - (tracker.position() ?? end));
    }
    return lag;
  }

  /** Milliseconds since offsets were last known to be committed, or there was nothing to commit. */
  get commitAgeMs(): number {
    return Math.max(0, this.#options.clock.now() - this.#ackedAt);
  }

  schedule(stopping: AbortSignal): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      void this.commit();
      if (!stopping.aborted) this.schedule(stopping);
    }, this.#options.commitIntervalMs);
  }

  /** Commits unless a commit is under way. A failed one is made up for by the next. */
  async commit(): Promise<void> {
    if (this.#committing !== null) return;
    this.#committing = this.#store().catch((error) => this.#options.error(error));
    await this.#committing;
    this.#committing = null;
  }

  /** The last commit, before the group is left. */
  async close(): Promise<void> {
    this.#options.clock.clearTimeout(this.#timer);
    await this.#committing;
    await this.#store().catch((error) => this.#options.error(error));
  }

  async #store(): Promise<void> {
    this.#completions = 0;
    const commits: (OffsetCommit & { owner: Partition })[] = [];
    for (const owner of this.#partitions.values()) {
      const offset = owner.tracker.position();
      if (offset === null || (owner.acked !== null && offset < owner.acked)) continue;
      const metadata = owner.tracker.metadata(METADATA_BYTES);
      if (offset === owner.acked && metadata === owner.ackedMetadata) continue;
      commits.push({ topic: owner.topic, partition: owner.id, offset, metadata, owner });
    }
    for (const { owner, offset } of commits) owner.sent = offset;
    if (commits.length > 0) await this.#options.subscription().commit(commits);
    this.#ackedAt = this.#options.clock.now();
    for (const { owner, offset, metadata } of commits) {
      owner.acked = offset;
      owner.ackedMetadata = metadata;
    }
  }
}

function placeOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

function newPartition(topic: string, id: number, tracker: OffsetTracker): Partition {
  const next = tracker.next;
  const acked = tracker.floor;
  return { topic, id, tracker, owned: true, end: next, acked, ackedMetadata: '', sent: acked };
}
