/** How a call counts: a bit mask of {@link FAILED} and {@link SLOW}. */
export type Verdict = 1 | 2 | 3;
export const FAILED = 1;
export const SLOW = 2;
export const FAILED_AND_SLOW = 3;

/**
 * The recent calls, as running totals that are always current: no operation depends on how many calls there were.
 *
 * A *mark* names the place where a call was counted, so that a verdict can be made worse later:
 * a call counts as slow while it is still in flight, and when it then fails it counts as failed too.
 */
export interface CallWindow {
  readonly calls: number;
  readonly failed: number;
  readonly slow: number;
  /** Failed or slow; a call that was both counts once. */
  readonly bad: number;
  /** The place of a call that starts now. */
  readonly mark: number;
  /** Drops what has become too old. */
  advance(now: number): void;
  /** Counts a good call that started at `startMark`. */
  addGood(startMark: number): void;
  /** Counts a bad call and returns its mark. */
  addBad(verdict: Verdict): number;
  /** A call counted slow at `mark` has failed as well; false when it is no longer in the window. */
  amend(mark: number): boolean;
  clear(): void;
}
