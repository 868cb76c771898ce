import { isLogId, type LogId } from './log-id.ts';

/*
 * A causal token over partitions: `<id>@<partition>`, several joined by commas; with one partition
 * it is the id alone.
 */

export const toToken = (ids: readonly (readonly [partition: number, id: LogId])[]): LogId =>
  ids.map(([partition, id]) => `${id}@${partition}`).join(',');

/**
 * What a token says of one partition.
 *
 * @throws TypeError when it is no token of a cache with so many partitions
 */
export function idIn(token: unknown, partition: number, partitions: number): LogId | undefined {
  if (partitions === 1) return checked(token);
  let found: LogId | undefined;
  for (const part of typeof token === 'string' ? token.split(',') : ['']) {
    const [id, at = ''] = part.split('@');
    if (!/^\d{1,2}$/.test(at) || Number(at) >= partitions) checked(undefined);
    const valid = checked(id);
    if (Number(at) === partition) found = valid;
  }
  return found;
}

function checked(id: unknown): LogId {
  if (isLogId(id)) return id;
  throw new TypeError('Expected `after` to be the id of a write, such as 1700000000000-0');
}
