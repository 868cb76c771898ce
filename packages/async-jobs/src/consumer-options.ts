import type { JobFacts } from './attempt.ts';
import type { BrakeOptions, BrakeState } from './brake.ts';
import type { Dead } from './job-run.ts';
import type { RunEnvironment } from './run-environment.ts';
import type { IncomingRecord, SubscribeOptions } from './transport.ts';

/** What a consumer tells its worker. */
export interface ConsumerEvents {
  readonly braked: (state: BrakeState) => void;
  readonly started: RunEnvironment['started'];
  readonly failed: RunEnvironment['failed'];
  readonly replayed: RunEnvironment['replayed'];
  readonly completed: (record: IncomingRecord) => void;
  /** The job was cancelled, or is put on a retry topic. */
  readonly left: (facts: JobFacts, why: 'cancelled' | 'later') => void;
  readonly dead: (outcome: Dead) => void;
}

/** What the consumers of a worker share. */
export interface ConsumerOptions extends ConsumerEvents {
  readonly group: string;
  readonly subscribe: Omit<SubscribeOptions, 'topics' | 'group'>;
  readonly maxBufferedJobs: number;
  readonly maxBufferedBytes: number;
  readonly commitIntervalMs: number;
  readonly commitEvery: number;
  readonly handlers: RunEnvironment['handlers'];
  readonly slot: RunEnvironment['slot'];
  readonly concurrency: number;
  readonly brake: Required<BrakeOptions>;
  readonly cancelled: RunEnvironment['cancelled'];
  /** What follows from a job's end in its flow; repeated until it resolves. */
  readonly settled: (
    facts: JobFacts,
    end: { result: unknown } | { error: unknown },
  ) => Promise<void>;
  readonly error: (error: unknown) => void;
}
