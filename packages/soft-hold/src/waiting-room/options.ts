import { checkName } from '../input.ts';
import { knownOptions } from '../known-options.ts';
import type { RedisLike } from '../redis.ts';

/** Options of a `WaitingRoom`. Every process must use the same. */
export type WaitingRoomOptions = {
  /** The caller's client; never configured, never closed. */
  redis: RedisLike;
  /** Name of the sale; its keys all lie under `{room:<name>}:`. */
  room: string;
  /** At least one of 32 characters or more. The first signs, all verify, so that they can be changed. */
  secrets: readonly string[];
  /** Decides the draw: 32 characters or more, random, kept secret until the opening, never changed. */
  seed: string;
  /** When the draw becomes known and admission begins, in ms. */
  opensAt: number;
  /** Most people admitted a second. Default 50. */
  perSecond?: number;
  /** Most people inside at a time. Default 1,000. */
  maxActive?: number;
  /** How many are free; at most `perFreeUnit` times as many people are inside. Default: not asked. */
  freeUnits?: () => Promise<number> | number;
  /** Default 3. */
  perFreeUnit?: number;
  /** How long a pass admits, in ms. Default 600,000. */
  passMs?: number;
  /** How long a ticket is good after the opening, in ms. Default 43,200,000 (twelve hours). */
  ticketMs?: number;
  /** How long the share of somebody admitted who does not come is kept for him, in ms. Default 60,000. */
  claimMs?: number;
  /** Pace of admission and age of the status, in ms. Default 1,000. */
  everyMs?: number;
  /** Deadline of each call to Redis, in ms. Default 2,000. */
  commandTimeoutMs?: number;
  /** Time in ms, for tests. Default: `Date.now` here, the server's clock in Redis. */
  clock?: () => number;
};

export type RoomSettings = Required<Omit<WaitingRoomOptions, 'redis' | 'freeUnits' | 'clock'>> & {
  freeUnits: (() => Promise<number> | number) | null;
  clock: (() => number) | null;
};

const DAY_MS = 86_400_000;

function within(field: string, value: unknown, least: number, most: number, whole = true): number {
  const fits = whole ? Number.isInteger(value) : Number.isFinite(value);
  if (fits && (value as number) >= least && (value as number) <= most) return value as number;
  const kind = whole ? 'an integer' : 'a number';
  throw new RangeError(
    `Expected \`${field}\` to be ${kind} from ${least} to ${most}, got ${String(value)}`,
  );
}

// a wrong secret is not shown: it may be a right one, mistyped
function secret(field: string, value: unknown): string {
  if (typeof value === 'string' && value.length >= 32) return value;
  throw new RangeError(`Expected \`${field}\` to be a string of 32 characters or more`);
}

const OPTIONS: Readonly<Record<keyof WaitingRoomOptions, true>> = {
  redis: true,
  room: true,
  secrets: true,
  seed: true,
  opensAt: true,
  perSecond: true,
  maxActive: true,
  freeUnits: true,
  perFreeUnit: true,
  passMs: true,
  ticketMs: true,
  claimMs: true,
  everyMs: true,
  commandTimeoutMs: true,
  clock: true,
};

/** @throws RangeError or TypeError naming the option and the rule */
export function readRoom(options: WaitingRoomOptions): RoomSettings {
  if (typeof options?.redis?.defineCommand !== 'function')
    throw new TypeError('Expected `redis` to be an ioredis client');
  knownOptions(options, OPTIONS);
  const { secrets, freeUnits, clock } = options;
  if (!Array.isArray(secrets) || secrets.length === 0)
    throw new TypeError('Expected `secrets` to be a list of at least one');
  for (const [name, value] of [
    ['freeUnits', freeUnits],
    ['clock', clock],
  ] as const)
    if (value !== undefined && typeof value !== 'function')
      throw new TypeError(`Expected \`${name}\` to be a function`);
  return {
    room: checkName('room', options.room),
    secrets: secrets.map((one, i) => secret(`secrets[${i}]`, one)),
    seed: secret('seed', options.seed),
    opensAt: within('opensAt', options.opensAt, 0, Number.MAX_SAFE_INTEGER),
    perSecond: within('perSecond', options.perSecond ?? 50, 0.01, 100_000, false),
    maxActive: within('maxActive', options.maxActive ?? 1_000, 1, 10_000_000),
    perFreeUnit: within('perFreeUnit', options.perFreeUnit ?? 3, 0.01, 1_000, false),
    passMs: within('passMs', options.passMs ?? 600_000, 1, DAY_MS),
    ticketMs: within('ticketMs', options.ticketMs ?? DAY_MS / 2, 1, 30 * DAY_MS),
    claimMs: within('claimMs', options.claimMs ?? 60_000, 1, DAY_MS),
    everyMs: within('everyMs', options.everyMs ?? 1_000, 10, 60_000),
    commandTimeoutMs: within('commandTimeoutMs', options.commandTimeoutMs ?? 2_000, 1, DAY_MS),
    freeUnits: freeUnits ?? null,
    clock: clock ?? null,
  };
}
