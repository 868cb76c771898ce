import { requireText } from '../options.ts';

/** A place in the history of a database: log positions of two timelines must not be compared. */
export interface Position {
  /** Counts the promotions; 0 is a place that nobody knows, and no server is there. */
  readonly timeline: number;
  /** Log sequence number: bytes written since the beginning. */
  readonly lsn: bigint;
}

/** After a commit whose outcome is unknown: only the primary can tell. */
export const UNKNOWN_POSITION: Position = { timeline: 0, lsn: 0n };

const TOKEN = /^(?:0|[1-9a-f][0-9a-f]{0,7})-[0-9a-f]{1,16}$/;

/** `1-16b3748`: timeline and LSN in hexadecimal digits, fit for a cookie, a header or a query string. */
export function toToken({ timeline, lsn }: Position): string {
  return `${timeline.toString(16)}-${lsn.toString(16)}`;
}

/** @throws TypeError or RangeError when it is not of that form. */
export function fromToken(field: string, token: unknown): Position {
  const [timeline = '', lsn] = requireText(
    field,
    token,
    TOKEN,
    'to be a timeline and an LSN such as "1-16b3748"',
  ).split('-');
  return { timeline: Number.parseInt(timeline, 16), lsn: BigInt(`0x${lsn}`) };
}

/** PostgreSQL's own `16/B374D848`: the high and the low 32 bits. */
export function fromPgLsn(text: string): bigint {
  const [high, low] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

/** Whether what was written up to `wanted` is certainly in a server that is at `position`. */
export function covers(position: Position, wanted: Position): boolean {
  return position.timeline === wanted.timeline && position.lsn >= wanted.lsn;
}
