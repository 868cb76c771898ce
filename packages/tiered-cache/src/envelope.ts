import type { Encoding, Payloads } from './codec.ts';
import { isLogId, type LogId } from './log-id.ts';

/** An entry of Redis: `tc2 <as of> <fresh until, ms> <load, ms> <shape> <encoding> <tags, JSON>\n<value>`. */
export interface Envelope {
  readonly asOf: LogId;
  readonly freshUntilMs: number;
  /** How long the load took, ms: what takes long is refreshed earlier. */
  readonly loadMs: number;
  readonly tags: readonly string[];
  readonly value: unknown;
  /** Length of the text: what the entry weighs in the local tier. */
  readonly length: number;
}

/** What is kept of a value, but for the id, which only the script that writes knows. */
export interface Content {
  readonly payload: string;
  readonly encoding: Encoding;
  readonly tags: readonly string[];
  readonly freshUntilMs: number;
  readonly loadMs: number;
}

const FORMAT = 'tc2 ';
const NONE: readonly string[] = [];

/** What follows the id. */
export function encodeRest(shape: string, content: Content): string {
  const { freshUntilMs, loadMs, encoding, tags, payload } = content;
  const names = tags.length === 0 ? '[]' : JSON.stringify(tags);
  return `${freshUntilMs} ${loadMs} ${shape} ${encoding} ${names}\n${payload}`;
}

/**
 * `undefined` when the text is not an envelope of this format (foreign, cut short, broken);
 * `'other shape'` when it is one, of a codec or version that this cache does not read.
 */
export function decode(text: string, payloads: Payloads): Envelope | 'other shape' | undefined {
  if (!text.startsWith(FORMAT)) return undefined;
  const newline = text.indexOf('\n');
  const asOfEnd = text.indexOf(' ', FORMAT.length);
  const freshEnd = text.indexOf(' ', asOfEnd + 1);
  const loadEnd = text.indexOf(' ', freshEnd + 1);
  const shapeEnd = text.indexOf(' ', loadEnd + 1);
  // the ends are in order unless one was not found, after which it begins anew
  if (!(asOfEnd < freshEnd && freshEnd < loadEnd && loadEnd < shapeEnd)) return undefined;
  if (shapeEnd + 3 > newline || text[shapeEnd + 2] !== ' ') return undefined;
  const asOf = copyOf(text, FORMAT.length, asOfEnd);
  const freshUntilMs = Number(text.slice(asOfEnd + 1, freshEnd));
  const loadMs = Number(text.slice(freshEnd + 1, loadEnd));
  const encoding = text[shapeEnd + 1] as Encoding;
  if (!isLogId(asOf) || !'tbzyu'.includes(encoding)) return undefined;
  if (!Number.isFinite(freshUntilMs) || !Number.isFinite(loadMs)) return undefined;
  if (text.slice(loadEnd + 1, shapeEnd) !== payloads.shape) return 'other shape';
  try {
    const tags = decodeTags(text.slice(shapeEnd + 3, newline));
    if (tags === undefined) return undefined;
    const value = payloads.decode(text.slice(newline + 1), encoding);
    return { asOf, freshUntilMs, loadMs, tags, value, length: text.length };
  } catch {
    return undefined;
  }
}

/**
 * Characters of the text, in pieces: one slice of 13 or more would be a view of the text, and an
 * entry that keeps the id would keep the whole text in memory beside the value.
 */
function copyOf(text: string, start: number, end: number): string {
  const [second, third] = [start + 8, start + 16];
  if (end <= second) return text.slice(start, end);
  const head = text.slice(start, second);
  if (end <= third) return head + text.slice(second, end);
  return head + text.slice(second, third) + text.slice(third, end);
}

function decodeTags(text: string): readonly string[] | undefined {
  if (text === '[]') return NONE;
  const tags: unknown = JSON.parse(text);
  return Array.isArray(tags) && tags.every((tag) => typeof tag === 'string') ? tags : undefined;
}
