import type { LogId } from './log-id.ts';

/** An entry as Redis keeps it: `tc1 <as of> <fresh until, ms> <tags, JSON>\n<value, JSON>`. */
export interface Envelope {
  readonly asOf: LogId;
  readonly freshUntilMs: number;
  readonly tags: readonly string[];
  readonly value: unknown;
  /** Length of the value as text: what the entry weighs in the local tier. */
  readonly length: number;
}

const FORMAT = 'tc1 ';
const NONE: readonly string[] = [];

/** What follows the id, which is known only to the script that writes. */
export const encodeRest = (
  freshUntilMs: number,
  tags: readonly string[],
  payload: string,
): string => `${freshUntilMs} ${tags.length === 0 ? '[]' : JSON.stringify(tags)}\n${payload}`;

/** `undefined` when the text is not an envelope of this format: foreign, cut short, of another version. */
export function decode(text: string): Envelope | undefined {
  if (!text.startsWith(FORMAT)) return undefined;
  const newline = text.indexOf('\n');
  const afterId = text.indexOf(' ', FORMAT.length);
  const afterTime = text.indexOf(' ', afterId + 1);
  if (afterId < 0 || afterTime < 0 || newline < afterTime) return undefined;
  const asOf = text.slice(FORMAT.length, afterId);
  const freshUntilMs = Number(text.slice(afterId + 1, afterTime));
  if (!/^\d+-\d+$/.test(asOf) || !Number.isFinite(freshUntilMs)) return undefined;
  try {
    const tags = decodeTags(text.slice(afterTime + 1, newline));
    if (tags === undefined) return undefined;
    const value = deepFreeze(JSON.parse(text.slice(newline + 1)));
    return { asOf, freshUntilMs, tags, value, length: text.length };
  } catch {
    return undefined;
  }
}

function decodeTags(text: string): readonly string[] | undefined {
  if (text === '[]') return NONE;
  const tags: unknown = JSON.parse(text);
  return Array.isArray(tags) && tags.every((tag) => typeof tag === 'string') ? tags : undefined;
}

/** Freezes a value that came out of JSON.parse: one object serves every caller of the process. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    if (Array.isArray(value)) for (const inner of value) deepFreeze(inner);
    else for (const name in value) deepFreeze(value[name]);
    Object.freeze(value);
  }
  return value;
}
