/**
 * Gives every copy of this package the same idea of `instanceof`: two installed versions recognise
 * each other's errors by a registered symbol instead of by class identity.
 */
const brand = (code: string) => Symbol.for(`@evenkeel/soft-hold/${code}`);

function isBranded(value: unknown, code: string): boolean {
  return typeof value === 'object' && value !== null && brand(code) in value;
}

/** The request itself is wrong and was not sent: fix the caller. `field` names what. */
export class HoldInputError extends RangeError {
  override readonly name = 'HoldInputError';
  readonly code = 'ERR_HOLD_INPUT';
  readonly field: string;

  constructor(field: string, message: string) {
    super(message);
    this.field = field;
    Object.defineProperty(this, brand('ERR_HOLD_INPUT'), { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBranded(value, 'ERR_HOLD_INPUT');
  }
}

/**
 * Redis or PostgreSQL did not answer as needed; `system` names which. The outcome is unknown:
 * repeat the call with the same id, every call is idempotent.
 */
export class HoldUnavailableError extends Error {
  override readonly name = 'HoldUnavailableError';
  readonly code = 'ERR_HOLD_UNAVAILABLE';
  readonly system: 'redis' | 'postgres';

  constructor(system: 'redis' | 'postgres', message: string, options?: ErrorOptions) {
    super(message, options);
    this.system = system;
    Object.defineProperty(this, brand('ERR_HOLD_UNAVAILABLE'), { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBranded(value, 'ERR_HOLD_UNAVAILABLE');
  }
}

/** The pool has not been opened by anyone yet: call `open()` with its stock first. */
export class PoolNotOpenError extends Error {
  override readonly name = 'PoolNotOpenError';
  readonly code = 'ERR_HOLD_POOL_NOT_OPEN';
  readonly pool: string;

  constructor(pool: string) {
    super(`Pool ${pool} has not been opened`);
    this.pool = pool;
    Object.defineProperty(this, brand('ERR_HOLD_POOL_NOT_OPEN'), { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBranded(value, 'ERR_HOLD_POOL_NOT_OPEN');
  }
}

/** `open()` was called with other stock than the pool already has; `sku` is the first to differ. */
export class StockMismatchError extends Error {
  override readonly name = 'StockMismatchError';
  readonly code = 'ERR_HOLD_STOCK_MISMATCH';
  readonly pool: string;
  readonly sku: string;

  constructor(pool: string, sku: string) {
    super(`Pool ${pool} is open with other stock of ${sku}`);
    this.pool = pool;
    this.sku = sku;
    Object.defineProperty(this, brand('ERR_HOLD_STOCK_MISMATCH'), { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBranded(value, 'ERR_HOLD_STOCK_MISMATCH');
  }
}

/** The pool object was closed; make a new one. */
export class PoolClosedError extends Error {
  override readonly name = 'PoolClosedError';
  readonly code = 'ERR_HOLD_POOL_CLOSED';
  readonly pool: string;

  constructor(pool: string) {
    super(`Pool ${pool} is closed in this process`);
    this.pool = pool;
    Object.defineProperty(this, brand('ERR_HOLD_POOL_CLOSED'), { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBranded(value, 'ERR_HOLD_POOL_CLOSED');
  }
}
