import { setMaxListeners } from 'node:events';
import { Assignment, type Partition } from './assignment.ts';
import type { JobQueue } from './async-jobs.ts';
import type { Attempt } from './attempt.ts';
import { Brake, type BrakeState } from './brake.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import type { Priority } from './define-job.ts';
import { JobAbortedError } from './errors.ts';
import { JobEndings } from './job-endings.ts';
import { runJob } from './job-run.ts';
import { Lanes } from './lanes.ts';
import { JOB_ID } from './record.ts';
import { type Delivery, type RunEnvironment, tell, type Wait } from './run-environment.ts';
import type { QueueTopics } from './topics.ts';
import type {
  AssignedPartition,
  IncomingRecord,
  Subscription,
  SubscriptionHealth,
  SubscriptionListener,
} from './transport.ts';

interface Task extends Delivery {
  readonly partition: Partition;
  readonly buffer: Buffered;
}

/** What was read of the jobs of one priority and is not finished. */
interface Buffered {
  readonly priority: Priority;
  jobs: number;
  bytes: number;
  waiting: (() => void)[];
}

// Reading goes on when the buffer has drained to this share
const LOW_MARK = 0.5;
// Parked jobs are read past, up to so many times `maxBufferedJobs`
const PARKED_SHARE = 10;

/**
 * The consuming side of one queue.
 *
 *     records -> admit: tracker, buffer -> lane of the key -> runJob -> retry topic? DLQ? acked
 *                                                                    -> offset complete -> commit
 *
 * An offset is complete only after its job's effect is known or its successor acknowledged.
 */
export class QueueConsumer implements SubscriptionListener {
  readonly queue: string;
  readonly #jobs: JobQueue;
  readonly #options: ConsumerOptions;
  readonly #subscription: Subscription;
  readonly #assignment: Assignment;
  readonly #lanes = new Lanes<Task>((task) => this.#handle(task));
  readonly #stopping = new AbortController();
  readonly #brake: Brake;
  readonly #running = new Map<Attempt, Delivery['partition']>();
  readonly #waiting = new Map<string, Wait>();
  readonly #env: RunEnvironment;
  readonly #endings: JobEndings;
  readonly #buffers: ReadonlyMap<string, Buffered>;
  #busy = 0;
  #frozen = false;
  #thawed: (() => void)[] = [];
  #idle: (() => void)[] = [];
  #stilled: (() => void)[] = [];

  constructor(jobs: JobQueue, topics: QueueTopics, options: ConsumerOptions) {
    this.#jobs = jobs;
    this.queue = topics.queue;
    setMaxListeners(0, this.#stopping.signal); // every waiting retry listens
    this.#options = options;
    this.#buffers = new Map(
      topics.jobs.map(({ topic, priority }) => [
        topic,
        { priority, jobs: 0, bytes: 0, waiting: [] },
      ]),
    );
    this.#brake = new Brake(jobs.clock, options.brake, options.concurrency, options.braked);
    const env: RunEnvironment = {
      queue: this.queue,
      brake: this.#brake,
      clock: jobs.clock,
      random: jobs.random,
      outbox: jobs.outbox,
      group: options.group,
      handlers: options.handlers,
      stopping: this.#stopping.signal,
      report: (status, sequence) => jobs.report(status, sequence),
      reports: jobs.store !== null,
      error: options.error,
      running: this.#running,
      waiting: this.#waiting,
      cancelled: options.cancelled,
      frozen: () => this.#frozen && !this.#stopping.signal.aborted,
      thaw: () => this.#thaw(),
      started: options.started,
      replayed: options.replayed,
      failed: options.failed,
      slot: options.slot,
      park: (key, parked) => this.#park(key, parked),
      progress: (attempt, percent, note, sequence) => {
        const more = note === undefined ? undefined : { note };
        tell(env, attempt, attempt.attempt, 'active', percent, more, sequence);
      },
    };
    this.#env = env;
    this.#endings = new JobEndings(jobs, topics, options, env);
    this.#assignment = new Assignment({
      ...options,
      clock: jobs.clock,
      subscription: () => this.#subscription,
    });
    this.#subscription = jobs.transport.subscribe(
      { topics: [...this.#buffers.keys()], group: options.group, ...options.subscribe },
      this,
    );
  }

  /** Jobs read and not finished; of these, jobs whose handler is running. */
  get figures(): {
    buffered: number;
    bufferedBytes: number;
    parked: number;
    running: number;
    lanes: number;
    lag: number;
    commitAgeMs: number;
    brake: BrakeState;
  } {
    const buffers = [...this.#buffers.values()];
    return {
      brake: this.#brake.state,
      buffered: buffers.reduce((sum, { jobs }) => sum + jobs, 0),
      bufferedBytes: buffers.reduce((sum, { bytes }) => sum + bytes, 0),
      parked: this.#lanes.parked,
      running: this.#running.size,
      lanes: this.#lanes.size,
      lag: this.#assignment.lag,
      commitAgeMs: this.#assignment.commitAgeMs,
    };
  }

  health(): SubscriptionHealth {
    return this.#subscription.health();
  }

  async start(): Promise<void> {
    await this.#subscription.start();
    this.#assignment.schedule(this.#stopping.signal);
  }

  /** No attempt starts any more; resolves when none is running. */
  async stop(): Promise<void> {
    this.#halt();
    if (this.#busy > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Asks running handlers to stop. */
  abort(): void {
    for (const attempt of this.#running.keys()) {
      attempt.abort(new JobAbortedError(attempt.name, 'shutdown'));
    }
  }

  /** Ends the attempt or the wait of a job that was cancelled, when it is here. */
  cancel(id: string): void {
    this.#waiting.get(id)?.end();
    for (const attempt of this.#running.keys()) {
      if (attempt.id === id) attempt.abort(new JobAbortedError(attempt.name, 'cancelled'));
    }
  }

  /** Commits what is finished and leaves the group; running handlers are given up. */
  async close(): Promise<void> {
    this.#halt();
    for (const attempt of [...this.#running.keys()]) attempt.abandon();
    await this.#assignment.close();
    await this.#subscription.close();
  }

  async rebalancing(): Promise<void> {
    this.#frozen = true;
    await Promise.all([this.#assignment.handOver(), this.#still()]);
    if (this.#frozen) await this.#assignment.handOver();
  }

  assigned(partitions: readonly AssignedPartition[]): void {
    this.#assignment.assign(partitions);
    this.#abortLost();
    this.#frozen = false;
    release(this.#thawed);
    release(this.#stilled); // too late for a hand-over
    this.#releaseBuffers();
  }

  admit(topic: string, partition: number, records: readonly IncomingRecord[], end: number): number {
    const buffer = this.#buffers.get(topic) as Buffered;
    let taken = 0;
    for (const record of records) {
      if (this.#stopping.signal.aborted || !this.#hasRoom(buffer, 1)) break;
      const owner = this.#assignment.ownerOf(topic, partition, record.offset);
      if (!owner || owner.crowded) break;
      owner.end = end;
      taken++;
      if (!owner.tracker.receive(record.offset)) continue;
      buffer.jobs++;
      buffer.bytes += record.value?.length ?? 0;
      // A record without a key or an id of ours has nothing to wait for
      const key = record.key ?? record.headers[JOB_ID] ?? `${topic}/${partition}\0${record.offset}`;
      this.#lanes.push(key, { partition: owner, buffer, key, record });
    }
    return taken;
  }

  async space(topic: string, partition: number): Promise<void> {
    await this.#assignment.roomToTell(topic, partition);
    const buffer = this.#buffers.get(topic) as Buffered;
    if (this.#hasRoom(buffer, LOW_MARK) && !this.#stopping.signal.aborted) return;
    await new Promise<void>((resolve) => buffer.waiting.push(resolve));
  }

  error(error: unknown): void {
    this.#options.error(error);
  }

  #hasRoom({ jobs, bytes }: Buffered, share: number): boolean {
    const { maxBufferedJobs, maxBufferedBytes } = this.#options;
    const { parked } = this.#lanes;
    return (
      jobs - parked < maxBufferedJobs * share &&
      parked < maxBufferedJobs * PARKED_SHARE &&
      bytes < maxBufferedBytes * share
    );
  }

  async #handle(task: Task): Promise<void> {
    const { partition, record } = task;
    this.#busy++;
    try {
      await this.#thaw();
      if (this.#stopping.signal.aborted || !partition.owned) return;
      const outcome = await runJob(task, this.#env);
      if (await this.#endings.follow(outcome, task)) {
        this.#assignment.complete(partition, record.offset);
      }
    } catch (error) {
      this.#options.error(error); // its offset stays incomplete: it is delivered again
    } finally {
      this.#busy--;
      this.#leave(task);
    }
  }

  #park(key: string, parked: boolean): void {
    if (parked) {
      this.#lanes.park(key);
      this.#releaseBuffers();
    } else this.#lanes.unpark(key);
  }

  /** Ends what belongs to partitions that are another member's now: it is that member's to do. */
  #abortLost(): void {
    for (const [attempt, { owned }] of this.#running) {
      if (!owned) attempt.abort(new JobAbortedError(attempt.name, 'revoked'));
    }
    for (const { partition, end } of this.#waiting.values()) if (!partition.owned) end();
  }

  /** Resolves when no handler is running, or the partitions are given away. */
  async #still(): Promise<void> {
    if (this.#running.size > 0) await new Promise<void>((done) => this.#stilled.push(done));
  }

  async #thaw(): Promise<void> {
    while (this.#frozen && !this.#stopping.signal.aborted) {
      await new Promise<void>((resolve) => this.#thawed.push(resolve));
    }
  }

  #leave({ record, buffer }: Task): void {
    buffer.jobs--;
    buffer.bytes -= record.value?.length ?? 0;
    if (buffer.waiting.length > 0 && this.#hasRoom(buffer, LOW_MARK)) release(buffer.waiting);
    if (this.#busy === 0) release(this.#idle);
    if (this.#running.size === 0) release(this.#stilled);
  }

  #halt(): void {
    this.#stopping.abort();
    this.#brake.stop();
    this.#releaseBuffers();
    release(this.#thawed);
  }

  #releaseBuffers(): void {
    for (const { waiting } of this.#buffers.values()) release(waiting);
  }
}

function release(waiting: (() => void)[]): void {
  for (const resolve of waiting.splice(0)) resolve();
}
