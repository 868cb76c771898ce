import type { Clock } from './clock.ts';

export const LONGEST_MS = 2_147_483_647; // a Node timer beyond this fires at once

export function checkedClock(clock: Clock): Clock {
  if (typeof clock !== 'object' || clock === null) throw wrongType('clock', 'a Clock', clock);
  for (const method of ['now', 'setTimeout', 'clearTimeout'] as const) {
    if (typeof clock[method] !== 'function') {
      throw wrongType(`clock.${method}`, 'a function', clock[method]);
    }
  }
  return clock;
}

export function duration(field: string, value: unknown): number {
  return number(field, value, `in (0, ${LONGEST_MS}]`, (n) => n > 0 && n <= LONGEST_MS);
}

export function integer(field: string, value: unknown, most: number): number {
  const rule = `an integer in [1, ${most}]`;
  return number(field, value, rule, (n) => Number.isInteger(n) && n >= 1 && n <= most);
}

export function number(
  field: string,
  value: unknown,
  rule: string,
  holds: (n: number) => boolean,
): number {
  if (typeof value !== 'number') throw wrongType(field, `a number ${rule}`, value);
  if (!holds(value)) throw outOfRange(field, rule, value);
  return value;
}

export function boolean(field: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw wrongType(field, 'a boolean', value);
  return value;
}

export function optionalFunction<F>(field: string, value: F): F {
  if (value !== undefined && typeof value !== 'function') {
    throw wrongType(field, 'a function', value);
  }
  return value;
}

/** A misspelt option would silently leave its default in force, so unknown names are refused. */
export function object(field: string, value: unknown, known: readonly string[]): void {
  if (!isObject(value)) throw wrongType(field, 'an object', value);
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      const name = `${field === 'options' ? '' : `${field}.`}${key.slice(0, 60)}`;
      throw new TypeError(`Unknown option \`${name}\`, expected one of ${known.join(', ')}`);
    }
  }
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function wrongType(field: string, rule: string, value: unknown): TypeError {
  return new TypeError(`Expected \`${field}\` to be ${rule}, got ${show(value)}`);
}

export function outOfRange(field: string, rule: string, value: unknown): RangeError {
  return new RangeError(`Expected \`${field}\` ${rule}, got ${show(value)}`);
}

function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) {
    return Array.isArray(value) ? 'an array' : 'an object';
  }
  return String(value);
}
