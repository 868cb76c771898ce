import { unknownOption } from '../known-options.ts';
import { requireInteger, requireNumber, requireOneOf, requireText } from '../options.ts';

/** Reads the fields of one object of a plan, each at most once, and refuses those that nobody asked for. */
export class Fields {
  readonly #path: string;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #known = new Set<string>();

  /** @throws TypeError when `value` is not a plain object. */
  constructor(path: string, value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      const got = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
      throw new TypeError(`Expected \`${path}\` to be an object, got ${got}`);
    }
    this.#path = path;
    this.#values = value as Record<string, unknown>;
  }

  path(field: string): string {
    return this.#path === 'plan' ? field : `${this.#path}.${field}`;
  }

  /** A number in [min, max]; required without a `fallback`. */
  number(field: string, min: number, max: number, fallback?: number): number {
    return requireNumber(this.path(field), this.#take(field) ?? fallback, min, max);
  }

  integer(field: string, min: number, max: number, fallback?: number): number {
    return requireInteger(this.path(field), this.#take(field) ?? fallback, min, max);
  }

  optional(field: string, min: number, max: number): number | undefined {
    const value = this.#take(field);
    return value === undefined ? undefined : requireNumber(this.path(field), value, min, max);
  }

  text(field: string, fallback?: string): string {
    const rule = 'to be a letter and up to 63 letters, digits or . _ -';
    return requireText(
      this.path(field),
      this.#take(field) ?? fallback,
      /^[A-Za-z][\w.-]{0,63}$/,
      rule,
    );
  }

  oneOf<Word extends string>(field: string, words: readonly Word[], fallback?: Word): Word {
    return requireOneOf(this.path(field), this.#take(field) ?? fallback, words);
  }

  flag(field: string): boolean {
    const value = this.#take(field) ?? false;
    if (typeof value !== 'boolean') {
      throw new TypeError(
        `Expected \`${this.path(field)}\` to be true or false, got ${typeof value}`,
      );
    }
    return value;
  }

  object(field: string): Fields | undefined {
    const value = this.#take(field);
    return value === undefined ? undefined : new Fields(this.path(field), value);
  }

  /** The objects of an array, `fallback` when it is missing; at least one. */
  list(field: string, fallback?: readonly unknown[]): readonly Fields[] {
    const value = this.#take(field) ?? fallback;
    if (!Array.isArray(value) || value.length === 0) {
      throw new TypeError(`Expected \`${this.path(field)}\` to be an array of at least one object`);
    }
    return value.map((item, index) => new Fields(`${this.path(field)}[${index}]`, item));
  }

  /** A number of instances, or a share of `of` such as "25%". */
  share(field: string, of: number, fallback: string): number {
    const value = this.#take(field) ?? fallback;
    if (typeof value === 'number') return requireInteger(this.path(field), value, 0, 1_000_000);
    const text = requireText(
      this.path(field),
      value,
      /^\d{1,4}(?:\.\d+)?%$/,
      'to be a number of instances or a share such as "25%"',
    );
    // Kubernetes rounds a surge up.
    return Math.ceil((of * Number(text.slice(0, -1))) / 100);
  }

  /** @throws TypeError naming a field that does not exist, which a typing error would otherwise silently ignore. */
  end(): void {
    const unknown = Object.keys(this.#values).find((key) => !this.#known.has(key));
    if (unknown === undefined) return;
    throw unknownOption(unknown, [...this.#known], this.path(''));
  }

  #take(field: string): unknown {
    this.#known.add(field);
    return Object.hasOwn(this.#values, field) ? this.#values[field] : undefined;
  }
}

/** @throws RangeError when two of a list have one name. */
export function requireUnique(field: string, names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new RangeError(`Expected \`${field}\` to have different names, got "${twice}" twice`);
  }
}
