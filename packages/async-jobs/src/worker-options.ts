import type { BrakeOptions } from './brake.ts';
import type { JobHandler } from './define-job.ts';
import type { Flow } from './flow.ts';

/** What `new Worker` takes beside the queue. */
export interface WorkerOptions {
  readonly handlers: readonly JobHandler[];
  /** Flows that these handlers' jobs are steps of. */
  readonly flows?: readonly Flow[];
  /** Handlers running at the same time, over all queues of this worker. Default 50. */
  readonly concurrency?: number;
  /** Parks a queue whose jobs all fail, until one succeeds again; false never does. Default: after 25 jobs, a probe every 5 s. */
  readonly brake?: BrakeOptions | false;
  /** First part of the consumer group; the group of a queue is `<group>.<queue>`. Default: the queue's topic prefix. */
  readonly group?: string;
  /** Milliseconds after which a silent worker's partitions go to the others: how long its keys wait after kill -9. The broker's minimum is usually 6,000. Default 30,000. */
  readonly sessionTimeoutMs?: number;
  /** Milliseconds between heartbeats. Default a tenth of the session timeout. */
  readonly heartbeatMs?: number;
  /** Milliseconds the members of a group have to join again. Default 60,000. */
  readonly rebalanceTimeoutMs?: number;
  /** Jobs read ahead per queue. Default 1,000. */
  readonly maxBufferedJobs?: number;
  /** Bytes of payload read ahead per queue. Default 16 MiB. */
  readonly maxBufferedBytes?: number;
  /** Milliseconds between commits. Default 100. */
  readonly commitIntervalMs?: number;
  /** Completed jobs that lead to a commit before its time. Default 50. */
  readonly commitEvery?: number;
}
