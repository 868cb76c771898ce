/** Checks of options: each throws a TypeError or RangeError that names field, rule and value. */

export function integer(field: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number') throw wrong(field, 'to be a number', value);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(
    `Expected \`${field}\` to be an integer in [${least}, ${most}], got ${value}`,
  );
}

export function within(field: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number') throw wrong(field, 'to be a number', value);
  if (value >= least && value <= most) return value;
  throw new RangeError(`Expected \`${field}\` in [${least}, ${most}], got ${value}`);
}

export function matching(field: string, value: unknown, pattern: RegExp, rule: string): string {
  if (typeof value !== 'string') throw wrong(field, 'to be a string', value);
  if (pattern.test(value)) return value;
  throw new RangeError(`Expected \`${field}\` to have ${rule}, got ${shown(value)}`);
}

export function object<T extends object>(field: string, value: T): T {
  if (typeof value === 'object' && value !== null) return value;
  throw wrong(field, 'to be an object', value);
}

export function wrong(field: string, rule: string, value: unknown): TypeError {
  return new TypeError(`Expected \`${field}\` ${rule}, got ${shown(value)}`);
}

export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  return value === null || typeof value !== 'object' ? String(value) : 'an object';
}
