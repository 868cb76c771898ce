import type { Clock } from './clock.ts';
import { OffsetTracker } from './offset-tracker.ts';
import { decodeRanges } from './run-length-map.ts';
import { placeOf } from './topic-partition.ts';
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
  /** The last commit the broker has acknowledged. */
  acked: Mark;
  /** The last commits that were sent: any may be the one that arrived last. */
  sent: readonly Mark[];
  /** Waiting for what is finished above the position to fit into a commit's metadata; null: it does. */
  crowded: (() => void)[] | null;
}

/** What is committed of a partition; no offset: nothing yet. */
interface Mark {
  readonly offset: number | null;
  readonly metadata: string;
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
// Commits of a partition that are remembered, to know our own when it is read: half a minute of those that fail
const MARKS = 64;
// Of jobs that take no time a commit has many: not more than 50 commits a second for their number
const COMMIT_GAP_MS = 20;

/**
 * The partitions a consumer holds and what of them is finished and committed. But for a hand-over,
 * one commit is under way at a time, and none is lower than the last acknowledged one.
 */
export class Assignment {
  readonly #options: AssignmentOptions;
  #partitions = new Map<string, Partition>();
  #completions = 0;
  #committing: Promise<void> | null = null;
  #timer: unknown = null;
  #ackedAt: number;
  #storedAt = 0;

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
      const known = { offset: committed?.offset ?? null, metadata: committed?.metadata ?? '' };
      // Read while commits of ours were under way, it need not be the last of them
      if (kept && [kept.acked, ...kept.sent].some((mark) => isSame(mark, known))) {
        if ((known.offset ?? 0) > (kept.acked.offset ?? 0)) kept.acked = known;
        kept.tracker.rewind(kept.sent[0]?.offset ?? 0); // any of these may be where reading begins
        this.#partitions.set(place, kept);
        continue;
      }
      // Somebody else may have had it in between: start from what is committed
      if (kept) lose(kept);
      const ranges = committed ? decodeRanges(committed.offset, committed.metadata) : [];
      const tracker = new OffsetTracker(committed?.offset ?? null, ranges);
      this.#partitions.set(place, newPartition(topic, partition, tracker, known.metadata));
    }
    for (const lost of before.values()) lose(lost);
  }

  /** The partition's state; a fresh one when the log was cut or recreated below what is committed. */
  ownerOf(topic: string, id: number, offset: number): Partition | undefined {
    const place = placeOf(topic, id);
    const partition = this.#partitions.get(place);
    if (!partition) return undefined;
    const floor = partition.acked.offset ?? partition.tracker.floor;
    // Assigned anew, it is read again from an older commit while commits go on
    const isExpected = floor === null || offset >= floor || !partition.tracker.isBehind(offset);
    if (isExpected) return partition;
    lose(partition);
    const fresh = newPartition(topic, id, new OffsetTracker(null));
    this.#partitions.set(place, fresh);
    return fresh;
  }

  /**
   * Resolves when what is finished of a partition out of order fits into a commit again, or the
   * partition is lost: what a commit cannot tell would be done again after a crash.
   */
  async roomToTell(topic: string, id: number): Promise<void> {
    const crowded = this.#partitions.get(placeOf(topic, id))?.crowded;
    if (crowded) await new Promise<void>((resolve) => crowded.push(resolve));
  }

  /** Whether a commit could still tell all that is finished, if these offsets were finished as well. */
  canTell(partition: Partition, offsets: ReadonlySet<number>): boolean {
    return partition.tracker.metadata(METADATA_BYTES, offsets).isWhole;
  }

  /** Marks a record's offset as finished, unless its partition is no longer ours. */
  complete(partition: Partition, offset: number): void {
    partition.tracker.complete(offset);
    this.#completions++;
    if (this.#completions < this.#options.commitEvery) return;
    if (performance.now() - this.#storedAt >= COMMIT_GAP_MS) void this.commit();
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

  /**
   * Commits at once, also while another commit is under way: what is not told before the
   * partitions are given away is done again by their next owner.
   */
  async handOver(): Promise<void> {
    await this.#store().catch((error) => this.#options.error(error));
  }

  /** The last commit, before the group is left. */
  async close(): Promise<void> {
    this.#options.clock.clearTimeout(this.#timer);
    await this.#committing;
    await this.handOver();
    for (const partition of this.#partitions.values()) clear(partition);
  }

  async #store(): Promise<void> {
    this.#completions = 0;
    this.#storedAt = performance.now();
    const commits: (OffsetCommit & { owner: Partition })[] = [];
    for (const owner of this.#partitions.values()) {
      const offset = owner.tracker.position();
      if (offset === null || offset < (owner.acked.offset ?? 0)) continue;
      const { text: metadata, isWhole } = owner.tracker.metadata(METADATA_BYTES);
      if (isWhole) clear(owner);
      else owner.crowded ??= [];
      if (isSame(owner.acked, { offset, metadata })) continue;
      commits.push({ topic: owner.topic, partition: owner.id, offset, metadata, owner });
    }
    for (const { owner, offset, metadata } of commits) {
      const mark = { offset, metadata };
      // While no broker answers the same is sent again and again
      const last = owner.sent.at(-1);
      if (last && isSame(last, mark)) continue;
      owner.sent = [...owner.sent.slice(1 - MARKS), mark];
    }
    if (commits.length > 0) await this.#options.subscription().commit(commits);
    this.#ackedAt = this.#options.clock.now();
    for (const { owner, offset, metadata } of commits) {
      if (offset >= (owner.acked.offset ?? 0)) owner.acked = { offset, metadata };
    }
  }
}

/** From now on what becomes of its records is another member's business. */
function lose(partition: Partition): void {
  partition.owned = false;
  clear(partition);
}

function clear(partition: Partition): void {
  for (const resolve of partition.crowded ?? []) resolve();
  partition.crowded = null;
}

function isSame(one: Mark, other: Mark): boolean {
  return one.offset === other.offset && one.metadata === other.metadata;
}

function newPartition(topic: string, id: number, tracker: OffsetTracker, metadata = ''): Partition {
  const acked = { offset: tracker.floor, metadata };
  const { next: end } = tracker;
  return { topic, id, tracker, owned: true, end, acked, sent: [acked], crowded: null };
}
