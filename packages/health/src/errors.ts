/** Lets two copies of this package in one process recognise each other's errors. */
function isBranded(value: unknown, brand: symbol): boolean {
  return typeof value === 'object' && value !== null && brand in value;
}

const timeoutBrand = Symbol.for('@evenkeel/health/CheckTimeoutError');
const dataBrand = Symbol.for('@evenkeel/health/UnexpectedDataError');

/**
 * A check did not answer within its budget: `check` is its name, `timeoutMs` the budget.
 * It is the reason of the signal that the check was given, so a driver can tell it from a cancel.
 */
export class CheckTimeoutError extends Error {
  readonly code = 'ERR_CHECK_TIMEOUT';
  readonly check: string;
  readonly timeoutMs: number;
  readonly [timeoutBrand] = true;

  constructor(check: string, timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`);
    this.name = 'CheckTimeoutError';
    this.check = check;
    this.timeoutMs = timeoutMs;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBranded(value, timeoutBrand);
  }
}

/**
 * A dependency answered, but not with what was expected of it: `source` says which one.
 * The answer itself is not in the message, because it may be a customer's data.
 */
export class UnexpectedDataError extends Error {
  readonly code = 'ERR_UNEXPECTED_DATA';
  readonly source: string;
  readonly [dataBrand] = true;

  constructor(source: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UnexpectedDataError';
    this.source = source;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBranded(value, dataBrand);
  }
}
