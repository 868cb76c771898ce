import { getHeapStatistics } from 'node:v8';
import type { CheckSource } from '../check.ts';
import { knownOptions } from '../known-options.ts';
import { requireNumber } from '../options.ts';

/** How full the heap may be. */
export interface HeapCheckOptions {
  /** Used part of the heap limit, in (0, 1]; default 0.9. */
  readonly maxRatio?: number;
}

/**
 * Fails when the used heap comes close to V8's limit, at which the process would die in the middle of its requests.
 * Scope `local`. Resolves with `{ usedBytes, limitBytes, ratio }`.
 * @throws RangeError when `maxRatio` is outside.
 */
export function heapCheck(options: HeapCheckOptions = {}): CheckSource {
  knownOptions(options, { maxRatio: true });
  const maxRatio = requireNumber('maxRatio', options.maxRatio ?? 0.9, Number.EPSILON, 1);
  return {
    name: 'heap',
    scope: 'local',
    check() {
      const { used_heap_size: usedBytes, heap_size_limit: limitBytes } = getHeapStatistics();
      const ratio = Math.round((usedBytes / limitBytes) * 1_000) / 1_000;
      if (usedBytes > maxRatio * limitBytes) {
        throw new Error(`the heap is filled to ${ratio} of its limit, allowed ${maxRatio}`);
      }
      return { usedBytes, limitBytes, ratio };
    },
  };
}
