import type { Content } from './envelope.ts';
import type { LogId } from './log-id.ts';

/** Writes changes: on the master's log, or in memory on one of our own. Each rejects when it is not confirmed. */
export interface LogWriter {
  invalidate(key: string): Promise<LogId>;
  expire(key: string, nowMs: number, graceMs: number): Promise<LogId>;
  set(key: string, content: Content, lifeMs: number): Promise<LogId>;
  invalidateTags(tags: readonly string[]): Promise<LogId>;
  clear(): Promise<LogId>;
  beginWrite(key: string, token: string): Promise<LogId>;
  /** Stores the content unless the key or a tag changed since; then it is an invalidation. */
  endWrite(
    key: string,
    token: string,
    since: LogId,
    content: Content,
    lifeMs: number,
  ): Promise<{ stored: boolean; id: LogId }>;
  /** Whether the lease is still ours. */
  leaseExtend(key: string, token: string): Promise<boolean>;
  leaseRelease(key: string, token: string): Promise<void>;
}
