/** Where a job is. `succeeded`, `dead` and `cancelled` are final. */
export type JobState = 'queued' | 'active' | 'retrying' | 'succeeded' | 'dead' | 'cancelled';

/** The status of a job, and the event that tells a change of it. */
export interface JobStatus {
  readonly id: string;
  readonly name: string;
  readonly state: JobState;
  /** 0 while queued. */
  readonly attempt: number;
  /** 0 to 100. */
  readonly progress: number;
  readonly note?: string;
  /** What the handler returned, up to 64 KiB of JSON; left out when it is more, or not JSON. */
  readonly result?: unknown;
  /** Why the last attempt failed. */
  readonly error?: { readonly name: string; readonly message: string };
  /** When it was so, in milliseconds since the epoch by the worker's clock. */
  readonly atMs: number;
}

/** A status with its place in the job's life. */
export interface StatusUpdate {
  readonly status: JobStatus;
  /** Fixed-width text: a later status of a job compares greater. */
  readonly order: string;
}

const RANK: Record<JobState, number> = {
  queued: 0,
  active: 1,
  retrying: 2,
  cancelled: 7,
  dead: 8,
  succeeded: 9,
};

/** True for the states nothing follows. */
export function isFinal(state: JobState): boolean {
  return RANK[state] >= RANK.cancelled;
}

/**
 * The place of a status: final states first, then attempt, state, progress and a counter within
 * the attempt. Late and repeated updates compare lower or equal and are refused; the status of a
 * job that starts over after a crash does not step back.
 *
 *     final(1) attempt(4) rank(1) progress in tenths(4) sequence(6)
 */
export function orderOf(status: JobStatus, sequence: number): string {
  const { state, attempt, progress } = status;
  if (sequence > 0 || attempt > 99 || (progress !== 0 && progress !== 100)) {
    return textOf(state, attempt, progress, sequence);
  }
  const place = (attempt * 10 + RANK[state]) * 2 + (progress === 0 ? 0 : 1);
  COMMON[place] ??= textOf(state, attempt, progress, 0);
  return COMMON[place];
}

// Of attempts up to 99 without progress in between: nearly all, and two or three a job
const COMMON: string[] = new Array(2_000);

function textOf(state: JobState, attempt: number, progress: number, sequence: number): string {
  const digits = (value: number, width: number): string =>
    String(Math.min(Math.round(value), 10 ** width - 1)).padStart(width, '0');
  const rank = RANK[state];
  return (
    digits(isFinal(state) ? rank : 0, 1) +
    digits(attempt, 4) +
    digits(rank, 1) +
    digits(progress * 10, 4) +
    digits(sequence, 6)
  );
}

/** Length of `orderOf`'s text. */
export const ORDER_LENGTH = 16;

/** Of a queued job. */
export const LOWEST_ORDER = '0'.repeat(ORDER_LENGTH);

/** Where statuses are kept and followed. Drivers: `redisStatus` and, for tests without servers, `memoryStatus`. */
export interface StatusStore {
  /** Stores those updates that are later than what is stored, and tells the watchers. */
  write(updates: readonly StatusUpdate[]): Promise<void>;
  read(id: string): Promise<JobStatus | null>;
  /** The current status and every later one up to the final one; fewer when the reader is slow. Ends without an error when `signal` aborts. */
  watch(id: string, signal?: AbortSignal): AsyncIterable<JobStatus>;
  /** Remembers for seven days that a job is not to run any more, and tells every worker. */
  cancel(id: string): Promise<void>;
  /** Calls `cancelled` with every job cancelled in the last seven days and from now on, some more than once. Resolves when it listens; goes on after a lost connection. */
  cancellations(cancelled: (id: string) => void): Promise<() => void>;
  ping(): Promise<void>;
  close(): Promise<void>;
}
