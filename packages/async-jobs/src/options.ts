/** Checks a number option: an integer within [min, max]. @throws RangeError naming field, rule and value. */
export function integer(field: string, value: number, min: number, max = 2 ** 31 - 1): number {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new RangeError(
      `Expected \`${field}\` to be an integer in [${min}, ${max}], got ${show(value)}`,
    );
  }
  return value;
}

/** Checks a name that becomes part of topics, keys and channels. */
export function name(field: string, value: unknown, maxLength = 100): string {
  if (typeof value !== 'string' || !/^[A-Za-z0-9._-]+$/.test(value) || value.length > maxLength) {
    throw new TypeError(
      `Expected \`${field}\` to be 1 to ${maxLength} of letters, digits, ".", "_" and "-", got ${show(value)}`,
    );
  }
  return value;
}

/** Checks that an option is a function. */
export function callable<T>(field: string, value: T): T {
  if (typeof value !== 'function') {
    throw new TypeError(`Expected \`${field}\` to be a function, got ${show(value)}`);
  }
  return value;
}

/** Checks that an option is one of a few words. */
export function oneOf<T extends string>(field: string, value: unknown, words: readonly T[]): T {
  if (words.includes(value as T)) return value as T;
  throw new RangeError(
    `Expected \`${field}\` to be one of ${words.map((word) => `"${word}"`).join(', ')}, got ${show(value)}`,
  );
}

/** Checks a key given by the caller: text of 1 to 1,024 bytes. */
export function key(field: string, value: unknown): string {
  const sizeBytes = typeof value === 'string' ? Buffer.byteLength(value) : 0;
  if (sizeBytes < 1 || sizeBytes > 1024) {
    const got = sizeBytes > 1024 ? `${sizeBytes} bytes` : show(value);
    throw new RangeError(`Expected \`${field}\` to be text of 1 to 1024 bytes, got ${got}`);
  }
  return value as string;
}

/** A value as an error message shows it: short, and never throwing. */
export function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : textOf(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** A value as text. Handlers may throw anything, also what has none. */
export function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
