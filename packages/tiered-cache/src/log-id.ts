/**
 * Id of an entry of the log, `<ms>-<sequence>`, given by XADD on the master: the only clock that
 * orders writes. It is also the causal token that `get` takes as `after`.
 */
export type LogId = string;

/** Before every entry. */
export const START: LogId = '0-0';

const shape = /^\d{1,16}-\d{1,16}$/;

export const isLogId = (value: unknown): value is LogId =>
  typeof value === 'string' && shape.test(value);

/** When the entry was written, by the master's clock. */
export const millisecondsOf = (id: LogId): number => Number(id.slice(0, id.indexOf('-')));

/** Whether `a` was written after `b`. */
export function isNewer(a: LogId, b: LogId): boolean {
  if (a === b || a === START) return false;
  const dashA = a.indexOf('-');
  const dashB = b.indexOf('-');
  const msA = Number(a.slice(0, dashA));
  const msB = Number(b.slice(0, dashB));
  if (msA !== msB) return msA > msB;
  return Number(a.slice(dashA + 1)) > Number(b.slice(dashB + 1));
}

export const newest = (a: LogId, b: LogId): LogId => (isNewer(b, a) ? b : a);
