/** Lets two copies of this package in one process recognise each other's errors. */
function isBranded(value: unknown, brand: symbol): boolean {
  return typeof value === 'object' && value !== null && brand in value;
}

const staleBrand = Symbol.for('@evenkeel/health/StalePrimaryError');
const fullBrand = Symbol.for('@evenkeel/health/FallbackFullError');
const rolledBackBrand = Symbol.for('@evenkeel/health/RolledBackError');

/**
 * What is connected as the primary is none, or one that has been replaced: it is a standby, or on an older `timeline`
 * than the token. Nothing was run. Connect to the new primary.
 */
export class StalePrimaryError extends Error {
  readonly code = 'ERR_STALE_PRIMARY';
  readonly [staleBrand] = true;

  constructor(message: string) {
    super(message);
    this.name = 'StalePrimaryError';
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBranded(value, staleBrand);
  }
}

/**
 * No replica could serve a read, and `limit` other reads are at the primary in their stead already. Nothing was run.
 * Answer from a cache, or refuse: the rest of the primary belongs to the writes.
 */
export class FallbackFullError extends Error {
  readonly code = 'ERR_FALLBACK_FULL';
  readonly limit: number;
  readonly [fullBrand] = true;

  constructor(limit: number) {
    super(`${limit} reads have fallen back to the primary already`);
    this.name = 'FallbackFullError';
    this.limit = limit;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBranded(value, fullBrand);
  }
}

/** A statement failed, `run` went on as if it had not, and PostgreSQL answered the commit by a rollback. */
export class RolledBackError extends Error {
  readonly code = 'ERR_ROLLED_BACK';
  readonly [rolledBackBrand] = true;

  constructor() {
    super('a statement of the transaction had failed: it was rolled back instead of committed');
    this.name = 'RolledBackError';
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBranded(value, rolledBackBrand);
  }
}
