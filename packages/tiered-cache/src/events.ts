import type { TierName } from './tier.ts';

/** Events of a cache, by name, with what each listener is given. */
export interface TieredCacheEvents {
  /** A Redis stopped answering; it is asked nothing until a PING in the background is answered. */
  tierDown: { readonly tier: TierName; readonly cause: unknown };
  tierUp: { readonly tier: TierName };
  /** Nothing is heard of changes: from now on reads go past the local tier and the near replica. */
  degraded: { readonly silentMs: number };
  recovered: { readonly silentMs: number };
  /** Changes were missed (the log was cut, lost or replaced): what is as of before was dropped. */
  gap: { readonly from: string; readonly to: string };
  /** A loader ended; `ms` by the clock. */
  loaded: { readonly key: string; readonly ms: number; readonly error?: unknown };
  /** A stale value stood in. */
  stale: {
    readonly key: string;
    readonly reason: 'failed' | 'slow' | 'busy';
    readonly error?: unknown;
  };
  /** What was loaded was not kept in Redis: the key changed meanwhile, or it does not fit. */
  refused: {
    readonly key: string;
    readonly reason: 'changed' | 'too long' | 'not encodable';
    readonly error?: unknown;
  };
  /** An entry in Redis that this package did not write, or wrote in another version; read as a miss. */
  undecodable: { readonly key: string };
  /** An invalidation could not be delivered; so many are waiting. */
  queued: { readonly waiting: number };
  /** All that waited have been delivered, so many. */
  delivered: { readonly count: number };
}
