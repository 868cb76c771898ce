import type { SeatMap } from './seat-plan.ts';

/** What the buyer wants of one SKU: a number of units (of a SKU with rows the best seats), or seats by name. */
export type Item =
  | {
      readonly sku: string;
      readonly quantity: number;
      /** Of a SKU with rows: the best seats, an accessible one among them. */
      readonly accessible?: boolean;
    }
  | { readonly sku: string; readonly seats: readonly string[] };

/** What is for sale: per SKU a number of equal units, the names of its seats, or how its seats lie. */
export type Stock = Readonly<
  Record<string, number | { readonly seats: readonly string[] } | SeatMap>
>;

/**
 * A granted hold: plain data that may travel between processes as JSON. Times are milliseconds of
 * the Redis server's clock; count down from `expiresAt - serverNow`, never from the local clock.
 */
export type Hold = {
  id: string;
  holder: string;
  items: Item[];
  /** Fencing token: names this very grant. */
  token: string;
  createdAt: number;
  /** What to show the buyer; the units go back `graceMs` later. */
  expiresAt: number;
  serverNow: number;
};

/** What `hold()` is asked. */
export type HoldRequest = {
  /** Chosen by the buyer's side; the same id with the same body is answered the same again. */
  id: string;
  /** Whose limit it counts towards. */
  holder: string;
  /** All or nothing, 1..32 SKUs, each once. */
  items: readonly Item[];
  /** Take what there is of each line instead of all or nothing. Default false. */
  partial?: boolean;
  /** Wait for the units when they are sold out; not for seats by name. Default false. */
  queue?: boolean;
  signal?: AbortSignal;
};

/** Names a hold to release: a `Hold`, or just its id. */
export type HoldReference = { readonly id: string; readonly token?: string };

/** Why a hold of this id is over. */
export type EndedState = 'released' | 'expired' | 'void' | 'returned';

/** Where a hold stands; only `pending` expires. `queued` waits, `returning` is being taken back. */
export type HoldState =
  | 'queued'
  | 'pending'
  | 'committing'
  | 'confirmed'
  | 'returning'
  | EndedState;

/** The answer to `hold()`; everything but `held` is a refusal that took nothing. */
export type HoldResult =
  /** `replayed`: this id was granted before, to the same holder with the same items. */
  | { status: 'held'; hold: Hold; replayed: boolean }
  /** `retryAt` (server time): when the next hold runs out, null when none can. */
  | { status: 'sold_out'; sku: string; free: number; retryAt: number | null; serverNow: number }
  | { status: 'seat_taken'; sku: string; seats: string[] }
  /** On the waiting list, 1 is next; the same call again tells the position or the offer. */
  | { status: 'queued'; position: number }
  /** `current`: units this holder has held and bought already. */
  | { status: 'limit'; limit: number; current: number }
  /** The id is known with another holder or other items. */
  | { status: 'conflict' }
  /** The sale is paused. */
  | { status: 'closed' }
  /** The id is used up: an id is good for one hold. `reason` says how it ended. */
  | { status: 'released'; reason: EndedState };

/** The answer to `extend()`. */
export type ExtendResult =
  | { status: 'held'; hold: Hold }
  /** The hold does not expire any more, or it is over already. */
  | { status: Exclude<HoldState, 'pending'> };

/** The answer to `replace()`: as `hold()`, or where the hold stands when it is not pending. */
export type ReplaceResult =
  | Exclude<HoldResult, { status: 'conflict' | 'released' | 'queued' }>
  | { status: Exclude<HoldState, 'pending'> };

/** The answer to `setTotal()`; `least` is what is held and sold. */
export type TotalResult =
  | { status: 'changed'; total: number }
  | { status: 'too_low'; least: number };

/** The answer to `release()`: `sold` means it came too late. */
export type ReleaseResult = { status: 'released' | 'expired' | 'sold' };

/** The answer to `commit()`; only `sold` ran the caller's work to its end. */
export type CommitResult = {
  status: 'sold' | 'already_sold' | 'expired' | 'void' | 'returned';
};

/** The answer to `return()`; only `returned` ran the caller's work to its end. */
export type ReturnResult = { status: 'returned' | 'already_returned' | 'not_sold' };

/** Units of one SKU; free + held + sold = total. */
export type Availability = {
  total: number;
  free: number;
  held: number;
  sold: number;
  /** How many holds wait for it. */
  waiting: number;
};

export type SeatState = 'free' | 'held' | 'sold';

/** A consistent picture of the pool; `seq` is the position in the feed it stands at. */
export type AvailabilitySnapshot = {
  seq: number;
  serverNow: number;
  skus: Record<string, Availability & { seats?: Record<string, SeatState> }>;
};

/** What became of one SKU; `seats` names only the seats that changed. */
export type Change = {
  sku: string;
  free: number;
  held: number;
  sold: number;
  seats?: Record<string, SeatState>;
};

/** One step of the feed. `seq` grows by one with each step; any other step is a gap: refetch. */
export type ChangeEvent = { seq: number; changes: Change[] };

/** One thing that does not agree, such as `sold of GA`: as it is, and as it should be. */
export type Difference = {
  what: string;
  sku: string | null;
  found: number | string | null;
  expected: number | string | null;
};

/** Told how far a long call is, in steps. */
export type OnProgress = (done: number, total: number) => void;

/** The result of `verify()`. */
export type Verification = { ok: boolean; differences: Difference[] };
