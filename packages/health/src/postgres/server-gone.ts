import { isOfServer, ServerTimeoutError } from './transaction.ts';

const NODE_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** 08 connection exceptions, among them a pooler's; 57P0x shutdown, crash, not yet up; 53300 no connection left. */
const SQL_STATES = /^(?:08...|57P0[123]|53300)$/;

/** Whether a server is away, as opposed to a query that is wrong, or something else that the caller asked. */
export function isServerGone(error: unknown): boolean {
  if (!isOfServer(error)) return false;
  if (error instanceof ServerTimeoutError) return true;
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === 'string') return NODE_CODES.has(code) || SQL_STATES.test(code);
  return typeof message === 'string' && /^Connection terminated|not queryable/.test(message);
}

/** What a standby cancels because its replay needs the rows gone: only the primary, or a later try, can answer. */
export function isReplayConflict(error: unknown): boolean {
  return isOfServer(error) && (error as { code?: unknown }).code === '40001';
}
