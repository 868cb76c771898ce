/** Offsets from `from` to `to`, both included. */
export interface OffsetRange {
  readonly from: number;
  readonly to: number;
}

/** Ranges as text. */
export interface EncodedRanges {
  readonly text: string;
  /** False when some did not fit. */
  readonly isWhole: boolean;
}

const VERSION = '1:';

/**
 * Writes ranges of finished offsets above a commit position as text for the commit's metadata:
 * the gaps and lengths as variable-length integers in base64.
 *
 *     position 100, finished 101-103 and 110   ->   gap 1, length 3, gap 6, length 1
 *
 * What does not fit into `budgetBytes` is left out from the end: a map that is too short costs
 * duplicates after a crash, never a job. O(number of ranges).
 */
export function encodeRanges(
  position: number,
  ranges: Iterable<OffsetRange>,
  budgetBytes: number,
): EncodedRanges {
  const maxRaw = Math.floor(((budgetBytes - VERSION.length) * 3) / 4);
  const bytes: number[] = [];
  let next = position;
  let isWhole = true;
  for (const { from, to } of ranges) {
    const before = bytes.length;
    writeVarint(bytes, from - next);
    writeVarint(bytes, to - from + 1);
    if (bytes.length > maxRaw) {
      bytes.length = before;
      isWhole = false;
      break;
    }
    next = to + 1;
  }
  const text = bytes.length === 0 ? '' : VERSION + Buffer.from(bytes).toString('base64url');
  return { text, isWhole };
}

/** Reads what `encodeRanges` wrote. Text that is not such a map gives no ranges: it is only an optimisation. */
export function decodeRanges(position: number, metadata: string | null): OffsetRange[] {
  if (!metadata?.startsWith(VERSION)) return [];
  const bytes = Buffer.from(metadata.slice(VERSION.length), 'base64url');
  const ranges: OffsetRange[] = [];
  let next = position;
  let index = 0;
  const read = (): number => {
    let value = 0;
    for (let scale = 1; index < bytes.length; scale *= 128) {
      const byte = bytes[index++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 128) return value;
    }
    return Number.NaN;
  };
  while (index < bytes.length) {
    const from = next + read();
    const length = read();
    if (!Number.isSafeInteger(from + length) || length < 1) return [];
    ranges.push({ from, to: from + length - 1 });
    next = from + length;
  }
  return ranges;
}

function writeVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}
