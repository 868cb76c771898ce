import { deepFreeze } from './envelope.ts';
import { CacheValueError } from './errors.ts';

/** A value as text, and as everybody gets it who reads that text. */
export interface Encoded {
  readonly payload: string;
  readonly value: unknown;
}

/**
 * Takes the value through JSON and back, so that the process that loaded it sees what the others
 * see, and shares no object with the loader. O(size).
 *
 * @throws CacheValueError when JSON cannot carry it
 */
export function encodeValue(namespace: string, key: string, value: unknown): Encoded {
  let payload: string | undefined;
  try {
    payload = JSON.stringify(value);
  } catch (cause) {
    throw new CacheValueError(namespace, key, 'cannot be written as JSON', { cause });
  }
  if (payload === undefined) {
    throw new CacheValueError(namespace, key, `cannot be written as JSON: a ${typeof value}`);
  }
  return { payload, value: deepFreeze(JSON.parse(payload)) };
}
