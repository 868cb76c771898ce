import type { Encoding, Payloads } from './codec.ts';
import type { LogId } from './log-id.ts';

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
  const head = text.slice(FORMAT.length, Math.max(newline, 0)).split(' ', 5);
  const [asOf = '', freshUntil = '', load = '', shape = '', encoding = ''] = head;
  const freshUntilMs = Number(freshUntil);
  const loadMs = Number(load);
  if (!/^\d+-\d+$/.test(asOf) || !/^[tbzyu]$/.test(encoding)) return undefined;
  if (!Number.isFinite(freshUntilMs) || !Number.isFinite(loadMs)) return undefined;
  if (shape !== payloads.shape) return 'other shape';
  try {
    const tagsAt = FORMAT.length + head.join(' ').length + 1;
    const tags = decodeTags(text.slice(tagsAt, newline));
    if (tags === undefined) return undefined;
    const value = payloads.decode(text.slice(newline + 1), encoding as Encoding);
    return { asOf, freshUntilMs, loadMs, tags, value, length: text.length };
  } catch {
    return undefined;
  }
}

function decodeTags(text: string): readonly string[] | undefined {
  if (text === '[]') return NONE;
  const tags: unknown = JSON.parse(text);
  return Array.isArray(tags) && tags.every((tag) => typeof tag === 'string') ? tags : undefined;
}
