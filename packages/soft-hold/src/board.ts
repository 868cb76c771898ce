/** What a board answers: its results, or that the data is not what the caller believes. */
export type BoardReply =
  | {
      ok: true;
      seq: number;
      now: number;
      /** Further holds are due. */
      more: boolean;
      /** Waiters who got their offer: `[id, token, created, expires, holder, items, want]`. */
      promoted: unknown[][];
      results: unknown[][];
    }
  | { ok: false; epoch: number | null; seq: number };

/** A request by name with its arguments, see script/pool-script.ts. */
export type BoardRequest = readonly (string | number)[];

/** One call: requests that are each decided by themselves. */
export type BoardCall = {
  epoch: number;
  /** Highest position the caller has seen in that epoch. */
  leastSeq: number;
  /** Time in ms, null for the board's own clock. */
  clock: number | null;
  /** The settings as `packSettings` writes them. */
  settings: string;
  requests: readonly BoardRequest[];
};

/** One step of the feed as it is stored. `seq` is the joined one of keys.ts. */
export type BoardStep = { seq: number; counts: string; log: string };

/** The steps of a board, read on a connection of its own where it needs one. */
export interface StepReader {
  /** The steps after `seq`; waits a while for the first. */
  read(seq: number): Promise<BoardStep[]>;
  close(): void;
}

/**
 * Where holds are kept and granted: Redis, PostgreSQL or this process. All boards decide alike; the
 * conformance suite says so. Who has bought is decided by the store, never by a board.
 */
export interface Board {
  readonly system: 'redis' | 'postgres' | 'memory';
  run(call: BoardCall): Promise<BoardReply>;
  steps(onError: (error: unknown) => void): StepReader;
}
