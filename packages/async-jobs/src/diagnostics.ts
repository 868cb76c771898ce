import { channel } from 'node:diagnostics_channel';

/**
 * Channels of `node:diagnostics_channel`, published to only while somebody listens. Each message
 * names its job: `{ id, name, queue, key }` and what belongs to the event.
 */
export const channels = {
  /** A job was accepted (with `tx`: it exists when that commits). */
  enqueued: channel('evenkeel:async-jobs:enqueued'),
  /** An attempt begins; with `attempt` and `trace`. */
  started: channel('evenkeel:async-jobs:started'),
  /** A job is done; with `latencyMs` since enqueue. */
  completed: channel('evenkeel:async-jobs:completed'),
  /** An attempt failed; with `attempt` and `error`. */
  failed: channel('evenkeel:async-jobs:failed'),
  /** A job is among the dead letters; with `reason`, `attempts` and `error`. */
  dead: channel('evenkeel:async-jobs:dead'),
  /** A queue was parked or goes on: `{ queue, state }`. */
  brake: channel('evenkeel:async-jobs:brake'),
} as const;
