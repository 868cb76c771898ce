/** Shows a rejected value without ever running its own code or printing more than a line. */
function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return value === null ? 'null' : typeof value;
}

/**
 * Returns `value` when it is a finite number in [min, max].
 * @throws TypeError when it is not a number, RangeError when it is outside.
 */
export function requireNumber(
  field: string,
  value: unknown,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== 'number') {
    throw new TypeError(`Expected \`${field}\` to be a number, got ${show(value)}`);
  }
  if (!(value >= min && value <= max)) {
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `in [${min}, ${max}]`;
    throw new RangeError(`Expected \`${field}\` ${range}, got ${value}`);
  }
  return value;
}

/**
 * Returns `value` when it is an integer in [min, max].
 * @throws TypeError when it is not a number, RangeError when it is outside or not whole.
 */
export function requireInteger(field: string, value: unknown, min: number, max?: number): number {
  const number = requireNumber(field, value, min, max);
  if (!Number.isInteger(number)) {
    throw new RangeError(`Expected \`${field}\` to be a whole number, got ${number}`);
  }
  return number;
}

/**
 * Returns `value` when it is one of the allowed words.
 * @throws RangeError when it is not.
 */
export function requireOneOf<Word extends string>(
  field: string,
  value: unknown,
  words: readonly Word[],
): Word {
  if (!words.includes(value as Word)) {
    throw new RangeError(
      `Expected \`${field}\` to be one of ${words.join(', ')}, got ${show(value)}`,
    );
  }
  return value as Word;
}

/**
 * Returns `value` when it is a string that matches.
 * @throws TypeError when it is not a string, RangeError when it does not match.
 */
export function requireText(field: string, value: unknown, rule: RegExp, says: string): string {
  if (typeof value !== 'string') {
    throw new TypeError(`Expected \`${field}\` to be a string, got ${show(value)}`);
  }
  if (!rule.test(value)) {
    throw new RangeError(`Expected \`${field}\` ${says}, got ${show(value)}`);
  }
  return value;
}

/**
 * Returns `value` when it is a function.
 * @throws TypeError when it is not.
 */
export function requireFunction<F>(field: string, value: F): F {
  if (typeof value !== 'function') {
    throw new TypeError(`Expected \`${field}\` to be a function, got ${show(value)}`);
  }
  return value;
}

/**
 * Returns `value` when it is an object that has all the named methods.
 * @throws TypeError naming the first one that is missing.
 */
export function requireMethods<T>(field: string, value: T, methods: readonly string[]): T {
  if (typeof value !== 'object' || value === null) {
    throw new TypeError(`Expected \`${field}\` to be an object, got ${show(value)}`);
  }
  for (const method of methods) {
    if (typeof (value as Record<string, unknown>)[method] !== 'function') {
      throw new TypeError(`Expected \`${field}.${method}\` to be a function`);
    }
  }
  return value;
}
