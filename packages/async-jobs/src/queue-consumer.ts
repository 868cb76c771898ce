import { setMaxListeners } from 'node:events';
import type { JobQueue } from './async-jobs.ts';
import type { Attempt } from './attempt.ts';
import { Brake, type BrakeOptions, type BrakeState } from './brake.ts';
import { sleep } from './clock.ts';
import { JobAbortedError } from './errors.ts';
import { type Outcome, type RunEnvironment, runJob, tellDead } from './job-run.ts';
import { Lanes } from './lanes.ts';
import { OffsetTracker, type TrackedOffset } from './offset-tracker.ts';
import { deadLetterTopic, JOB_ID, jobsTopic, toDeadLetter } from './record.ts';
import { decodeRanges } from './run-length-map.ts';
import type {
  AssignedPartition,
  IncomingRecord,
  OffsetCommit,
  SubscribeOptions,
  Subscription,
  SubscriptionHealth,
  SubscriptionListener,
} from './transport.ts';

/** What the consumers of a worker share. */
export interface ConsumerOptions {
  readonly group: string;
  readonly subscribe: Pick<
    SubscribeOptions,
    'sessionTimeoutMs' | 'heartbeatMs' | 'rebalanceTimeoutMs'
  >;
  readonly maxBufferedJobs: number;
  readonly maxBufferedBytes: number;
  readonly commitIntervalMs: number;
  readonly commitEvery: number;
  readonly handlers: RunEnvironment['handlers'];
  readonly slot: RunEnvironment['slot'];
  readonly concurrency: number;
  readonly brake: Required<BrakeOptions>;
  readonly braked: (state: BrakeState) => void;
  readonly failed: RunEnvironment['failed'];
  readonly completed: (record: IncomingRecord) => void;
  readonly dead: (outcome: Extract<Outcome, { kind: 'dead' }>) => void;
  readonly error: (error: unknown) => void;
}

/** A partition while it is ours. Replaced, never reused: a record of a replaced one is nobody's. */
interface Partition {
  readonly id: number;
  readonly tracker: OffsetTracker;
  owned: boolean;
  acked: number | null;
  ackedMetadata: string;
}

interface Task {
  readonly partition: Partition;
  readonly tracked: TrackedOffset;
  readonly record: IncomingRecord;
}

const METADATA_BYTES = 3_072;
const DLQ_SEND_MS = 10_000;
// Reading goes on when the buffer has drained to this share
const LOW_MARK = 0.5;

/**
 * The consuming side of one queue.
 *
 *     records -> admit: tracker, buffer -> lane of the key -> runJob -> dead? DLQ, acked
 *                                                                    -> tracker.complete -> commit
 *
 * An offset is complete only after its job's effect is known or its dead letter acknowledged.
 */
export class QueueConsumer implements SubscriptionListener {
  readonly queue: string;
  readonly topic: string;
  readonly #jobs: JobQueue;
  readonly #options: ConsumerOptions;
  readonly #subscription: Subscription;
  readonly #lanes = new Lanes<Task>((task) => this.#handle(task));
  readonly #stopping = new AbortController();
  readonly #brake: Brake;
  readonly #running = new Set<Attempt>();
  readonly #env: Omit<RunEnvironment, 'owned'>;
  #partitions = new Map<number, Partition>();
  #buffered = 0;
  #bufferedBytes = 0;
  #busy = 0;
  #completions = 0;
  #frozen = false;
  #space: (() => void)[] = [];
  #thawed: (() => void)[] = [];
  #idle: (() => void)[] = [];
  #committing: Promise<void> | null = null;
  #commitTimer: unknown = null;

  constructor(jobs: JobQueue, queue: string, options: ConsumerOptions) {
    this.#jobs = jobs;
    this.queue = queue;
    setMaxListeners(0, this.#stopping.signal); // every waiting retry listens
    this.topic = jobsTopic(jobs.topicPrefix, queue);
    this.#options = options;
    this.#brake = new Brake(jobs.clock, options.brake, options.concurrency, options.braked);
    this.#env = {
      brake: this.#brake,
      clock: jobs.clock,
      random: jobs.random,
      outbox: jobs.outbox,
      group: options.group,
      handlers: options.handlers,
      stopping: this.#stopping.signal,
      report: (status, sequence) => jobs.report(status, sequence),
      slot: options.slot,
      running: this.#running,
      frozen: () => this.#frozen && !this.#stopping.signal.aborted,
      thaw: () => this.#thaw(),
      failed: options.failed,
    };
    this.#subscription = jobs.transport.subscribe(
      { topic: this.topic, group: options.group, ...options.subscribe },
      this,
    );
  }

  /** Jobs read and not finished; of these, jobs whose handler is running. */
  get figures(): {
    buffered: number;
    bufferedBytes: number;
    running: number;
    lanes: number;
    brake: BrakeState;
  } {
    return {
      brake: this.#brake.state,
      buffered: this.#buffered,
      bufferedBytes: this.#bufferedBytes,
      running: this.#running.size,
      lanes: this.#lanes.size,
    };
  }

  health(): SubscriptionHealth {
    return this.#subscription.health();
  }

  async start(): Promise<void> {
    await this.#subscription.start();
    this.#scheduleCommit();
  }

  /** No attempt starts any more; resolves when none is running. */
  async stop(): Promise<void> {
    this.#halt();
    if (this.#busy > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Asks running handlers to stop. */
  abort(): void {
    for (const attempt of this.#running) {
      attempt.abort(new JobAbortedError(attempt.name, 'shutdown'));
    }
  }

  /** Commits what is finished and leaves the group; running handlers are given up. */
  async close(): Promise<void> {
    this.#halt();
    this.#jobs.clock.clearTimeout(this.#commitTimer);
    for (const attempt of [...this.#running]) attempt.abandon();
    await this.#commitAll().catch((error) => this.#options.error(error));
    await this.#subscription.close();
  }

  rebalancing(): void {
    this.#frozen = true;
    void this.#commit();
  }

  assigned(partitions: readonly AssignedPartition[]): void {
    const before = this.#partitions;
    this.#partitions = new Map();
    for (const { partition, committed } of partitions) {
      const kept = before.get(partition);
      before.delete(partition);
      if (kept && kept.acked === (committed?.offset ?? null)) {
        this.#partitions.set(partition, kept);
        continue;
      }
      // Somebody else may have had it in between: start from what is committed
      if (kept) kept.owned = false;
      const ranges = committed ? decodeRanges(committed.offset, committed.metadata) : [];
      const tracker = new OffsetTracker(committed?.offset ?? null, ranges);
      this.#partitions.set(partition, newPartition(partition, tracker));
    }
    for (const lost of before.values()) lost.owned = false;
    this.#frozen = false;
    this.#release(this.#thawed);
    this.#release(this.#space);
  }

  admit(partition: number, records: readonly IncomingRecord[]): number {
    let taken = 0;
    for (const record of records) {
      if (this.#stopping.signal.aborted || this.#full()) break;
      const owner = this.#ownerOf(partition, record.offset);
      if (!owner) break;
      taken++;
      const tracked = owner.tracker.receive(record.offset);
      if (!tracked) continue;
      this.#buffered++;
      this.#bufferedBytes += record.value?.length ?? 0;
      // A record without a key or an id of ours has nothing to wait for
      const key = record.key ?? record.headers[JOB_ID] ?? `${partition}\0${record.offset}`;
      this.#lanes.push(key, { partition: owner, tracked, record });
    }
    return taken;
  }

  async space(): Promise<void> {
    const low =
      this.#buffered <= this.#options.maxBufferedJobs * LOW_MARK &&
      this.#bufferedBytes <= this.#options.maxBufferedBytes * LOW_MARK;
    if (low && !this.#stopping.signal.aborted) return;
    await new Promise<void>((resolve) => this.#space.push(resolve));
  }

  error(error: unknown): void {
    this.#options.error(error);
  }

  /** The partition's state; a fresh one when the log was cut or recreated below what is committed. */
  #ownerOf(id: number, offset: number): Partition | undefined {
    const partition = this.#partitions.get(id);
    if (!partition) return undefined;
    const floor = partition.acked ?? partition.tracker.floor;
    if (floor === null || offset >= floor) return partition;
    partition.owned = false;
    const fresh = newPartition(id, new OffsetTracker(null));
    this.#partitions.set(id, fresh);
    return fresh;
  }

  #full(): boolean {
    return (
      this.#buffered >= this.#options.maxBufferedJobs ||
      this.#bufferedBytes >= this.#options.maxBufferedBytes
    );
  }

  async #handle(task: Task): Promise<void> {
    this.#busy++;
    try {
      await this.#thaw();
      if (!this.#stopping.signal.aborted && task.partition.owned && (await this.#finish(task))) {
        task.partition.tracker.complete(task.tracked);
        this.#completed();
      }
    } catch (error) {
      this.#options.error(error); // its offset stays incomplete: it is delivered again
    } finally {
      this.#busy--;
      this.#leave(task.record);
    }
  }

  /** Runs the job, and sends it to the dead letters if need be. True when its offset is complete. */
  async #finish({ record, partition }: Task): Promise<boolean> {
    const owned = (): boolean => partition.owned;
    const env: RunEnvironment = { ...this.#env, owned };
    const outcome = await runJob(record, this.queue, env);
    if (outcome.kind === 'handed-back') return false;
    if (outcome.kind === 'done') {
      this.#options.completed(record);
      return true;
    }
    const { reason, error, attempts, facts } = outcome;
    const { topicPrefix, transport, clock } = this.#jobs;
    const letter = toDeadLetter(deadLetterTopic(topicPrefix, this.queue), record, {
      reason,
      error,
      attempts,
      topic: this.topic,
      partition: partition.id,
      group: this.#options.group,
      atMs: clock.now(),
    });
    for (let delayMs = 200; ; delayMs = Math.min(10_000, delayMs * 2)) {
      try {
        await transport.send([letter], DLQ_SEND_MS);
        break;
      } catch (failure) {
        this.#options.error(failure);
        await sleep(clock, delayMs, this.#stopping.signal);
        if (this.#stopping.signal.aborted || !owned()) return false;
      }
    }
    if (facts) tellDead(env, facts, attempts, error);
    this.#options.dead(outcome);
    return true;
  }

  async #thaw(): Promise<void> {
    while (this.#frozen && !this.#stopping.signal.aborted) {
      await new Promise<void>((resolve) => this.#thawed.push(resolve));
    }
  }

  #leave(record: IncomingRecord): void {
    this.#buffered--;
    this.#bufferedBytes -= record.value?.length ?? 0;
    if (this.#space.length > 0) {
      const { maxBufferedJobs, maxBufferedBytes } = this.#options;
      const low =
        this.#buffered <= maxBufferedJobs * LOW_MARK &&
        this.#bufferedBytes <= maxBufferedBytes * LOW_MARK;
      if (low) this.#release(this.#space);
    }
    if (this.#busy === 0) this.#release(this.#idle);
  }

  #completed(): void {
    if (++this.#completions >= this.#options.commitEvery) void this.#commit();
  }

  #scheduleCommit(): void {
    this.#commitTimer = this.#jobs.clock.setTimeout(() => {
      void this.#commit();
      if (!this.#stopping.signal.aborted) this.#scheduleCommit();
    }, this.#options.commitIntervalMs);
  }

  /** Commits unless a commit is under way. A failed one is made up for by the next. */
  async #commit(): Promise<void> {
    if (this.#committing !== null) return;
    this.#committing = this.#store().catch((error) => this.#options.error(error));
    await this.#committing;
    this.#committing = null;
  }

  async #commitAll(): Promise<void> {
    await this.#committing;
    await this.#store();
  }

  async #store(): Promise<void> {
    this.#completions = 0;
    const commits: (OffsetCommit & { owner: Partition })[] = [];
    for (const owner of this.#partitions.values()) {
      const offset = owner.tracker.position();
      if (offset === null || (owner.acked !== null && offset < owner.acked)) continue;
      const metadata = owner.tracker.metadata(METADATA_BYTES);
      if (offset === owner.acked && metadata === owner.ackedMetadata) continue;
      commits.push({ partition: owner.id, offset, metadata, owner });
    }
    if (commits.length === 0) return;
    await this.#subscription.commit(commits);
    for (const { owner, offset, metadata } of commits) {
      owner.acked = offset;
      owner.ackedMetadata = metadata;
    }
  }

  #halt(): void {
    this.#stopping.abort();
    this.#brake.stop();
    this.#release(this.#space);
    this.#release(this.#thawed);
  }

  #release(waiting: (() => void)[]): void {
    for (const resolve of waiting.splice(0)) resolve();
  }
}

function newPartition(id: number, tracker: OffsetTracker): Partition {
  return { id, tracker, owned: true, acked: tracker.floor, ackedMetadata: '' };
}
