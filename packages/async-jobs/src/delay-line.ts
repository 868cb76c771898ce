import { Assignment, type Partition } from './assignment.ts';
import type { JobQueue } from './async-jobs.ts';
import { sleep } from './clock.ts';
import { JOB_ATTEMPTS } from './record.ts';
import { tierFor } from './retry-plan.ts';
import { placeOf } from './topic-partition.ts';
import type { QueueTopics } from './topics.ts';
import type {
  AssignedPartition,
  IncomingRecord,
  OutgoingRecord,
  SubscribeOptions,
  Subscription,
  SubscriptionHealth,
  SubscriptionListener,
} from './transport.ts';

/** When the job may run; when its record may leave the tier it lies on; where it goes then. */
const RUN_AT = 'job-run-at';
const LEAVE_AT = 'job-leave-at';
const TARGET = 'job-target';

const MAX_IN_FLIGHT = 1_000;
const SEND_MS = 10_000;
// Nearer than this, a job need not take another hop
const CLOSE_MS = 100;
// How long a record may lie on a tier, whatever its headers say: clocks can be wrong
const LONGEST_STAY = 1.2;

/** A record that waits on a tier before it goes to its topic, with so many attempts behind it. */
export function delayed(
  { tiers }: QueueTopics,
  record: OutgoingRecord,
  waitMs: number,
  nowMs: number,
  attempts = 0,
): OutgoingRecord {
  const { topic, tierMs } = tierFor(tiers, waitMs);
  const stayMs = Math.min(waitMs, Math.round(tierMs * LONGEST_STAY));
  return {
    ...record,
    topic,
    headers: {
      ...record.headers,
      [JOB_ATTEMPTS]: String(attempts),
      [RUN_AT]: String(nowMs + waitMs),
      [LEAVE_AT]: String(nowMs + stayMs),
      [TARGET]: record.topic,
    },
  };
}

/** What a delay line needs beside the queue. */
export interface DelayLineOptions {
  readonly group: string;
  readonly subscribe: Omit<SubscribeOptions, 'topics' | 'group'>;
  readonly commitIntervalMs: number;
  readonly commitEvery: number;
  readonly error: (error: unknown) => void;
}

/**
 * Carries a queue's waiting jobs back to it.
 *
 *     jobs.q --failed--> jobs.q.retry.5s --5 s later--> jobs.q
 *                        jobs.q.retry.1h --1 h--> .retry.30m --...--> jobs.q   (a delay of 1 h 42 min)
 *
 * All records of a tier wait equally long, give or take 20 %, so the first of a partition is the
 * first that is due: only that one is looked at, and a million waiting jobs cost no memory. A
 * record's offset is complete after the record is acknowledged where it goes.
 */
export class DelayLine implements SubscriptionListener {
  readonly #jobs: JobQueue;
  readonly #topics: QueueTopics;
  readonly #options: DelayLineOptions;
  readonly #tierMs: ReadonlyMap<string, number>;
  readonly #subscription: Subscription;
  readonly #assignment: Assignment;
  readonly #stopping = new AbortController();
  /** The first record of each partition and when it may go. */
  readonly #heads = new Map<string, { readonly offset: number; readonly dueAtMs: number }>();
  /** Records of each partition behind those that were taken, when it was last read. */
  readonly #waiting = new Map<string, number>();
  readonly #sending = new Set<Promise<void>>();
  #inFlight = 0;

  constructor(jobs: JobQueue, topics: QueueTopics, options: DelayLineOptions) {
    this.#jobs = jobs;
    this.#topics = topics;
    this.#options = options;
    this.#tierMs = new Map(topics.tiers.map(({ topic, tierMs }) => [topic, tierMs]));
    this.#assignment = new Assignment({
      ...options,
      clock: jobs.clock,
      subscription: () => this.#subscription,
    });
    const { group, subscribe } = options;
    this.#subscription = jobs.transport.subscribe(
      { topics: [...this.#tierMs.keys()], group, ...subscribe },
      this,
    );
  }

  get figures(): { lag: number; commitAgeMs: number; consumer: SubscriptionHealth } {
    let lag = this.#inFlight;
    for (const waiting of this.#waiting.values()) lag += waiting;
    return {
      lag,
      commitAgeMs: this.#assignment.commitAgeMs,
      consumer: this.#subscription.health(),
    };
  }

  async start(): Promise<void> {
    await this.#subscription.start();
    this.#assignment.schedule(this.#stopping.signal);
  }

  stop(): void {
    this.#stopping.abort();
  }

  async close(): Promise<void> {
    this.stop();
    await Promise.all(this.#sending);
    await this.#assignment.close();
    await this.#subscription.close();
  }

  async rebalancing(): Promise<void> {
    await Promise.all([this.#assignment.handOver(), ...this.#sending]);
    await this.#assignment.handOver();
  }

  assigned(partitions: readonly AssignedPartition[]): void {
    this.#heads.clear();
    this.#waiting.clear();
    this.#assignment.assign(partitions);
  }

  admit(topic: string, partition: number, records: readonly IncomingRecord[], end: number): number {
    const now = this.#jobs.clock.now();
    const due: { owner: Partition; record: IncomingRecord }[] = [];
    let taken = 0;
    for (const record of records) {
      if (this.#stopping.signal.aborted || this.#inFlight + due.length >= MAX_IN_FLIGHT) break;
      const owner = this.#assignment.ownerOf(topic, partition, record.offset);
      if (!owner) break;
      owner.end = end;
      if (this.#dueAt(topic, partition, record, now) > now) break;
      taken++;
      if (owner.tracker.receive(record.offset)) due.push({ owner, record });
    }
    const next = records[taken]?.offset ?? end;
    this.#waiting.set(placeOf(topic, partition), Math.max(0, end - next));
    if (due.length > 0) this.#send(due);
    return taken;
  }

  async space(topic: string, partition: number): Promise<void> {
    const now = this.#jobs.clock.now();
    const dueAtMs = this.#heads.get(placeOf(topic, partition))?.dueAtMs ?? now;
    await sleep(this.#jobs.clock, Math.max(10, dueAtMs - now), this.#stopping.signal);
  }

  error(error: unknown): void {
    this.#options.error(error);
  }

  #dueAt(topic: string, partition: number, record: IncomingRecord, now: number): number {
    const place = placeOf(topic, partition);
    const known = this.#heads.get(place);
    if (known?.offset === record.offset) return known.dueAtMs;
    const longest = (this.#tierMs.get(topic) ?? 0) * LONGEST_STAY;
    const leaveAtMs = Number(record.headers[LEAVE_AT]);
    const dueAtMs = Number.isFinite(leaveAtMs) ? Math.min(leaveAtMs, now + longest) : now;
    this.#heads.set(place, { offset: record.offset, dueAtMs });
    return dueAtMs;
  }

  #send(due: readonly { owner: Partition; record: IncomingRecord }[]): void {
    const now = this.#jobs.clock.now();
    this.#inFlight += due.length;
    const sending = this.#jobs
      .sendUntilAcked(
        due.map(({ record }) => this.#next(record, now)),
        SEND_MS,
        this.#options.error,
        () => this.#stopping.signal.aborted || !due.some(({ owner }) => owner.owned),
        this.#stopping.signal,
      )
      .then((acked) => {
        if (!acked) return;
        for (const { owner, record } of due) this.#assignment.complete(owner, record.offset);
      })
      .finally(() => {
        this.#inFlight -= due.length;
        this.#sending.delete(sending);
      });
    this.#sending.add(sending);
  }

  /** To its topic, or to the next tier when there is still time. */
  #next({ key, value, headers }: IncomingRecord, now: number): OutgoingRecord {
    const { [RUN_AT]: runAt, [LEAVE_AT]: _, [TARGET]: target, ...rest } = headers;
    const [main] = this.#topics.jobs;
    const topic = this.#topics.jobs.find((known) => known.topic === target)?.topic ?? main?.topic;
    const record = { topic: topic ?? '', key: key ?? '', value: value ?? '', headers: rest };
    const waitMs = Number(runAt) - now;
    if (!(waitMs > CLOSE_MS)) return record;
    return delayed(this.#topics, record, waitMs, now, Number(rest[JOB_ATTEMPTS] ?? 0));
  }
}
