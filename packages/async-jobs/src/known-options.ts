/**
 * Refuses an option that nobody reads: a misspelt name would silently leave the default in force.
 *
 * @throws TypeError when the options are no object; naming the option and the known one that is most
 * like it, or else all of them
 */
export function knownOptions<T extends object>(
  options: T,
  known: Readonly<Record<keyof NoInfer<T>, true>>,
  within = '',
): T {
  if (typeof options !== 'object' || options === null) {
    const field = within === '' ? 'options' : within.slice(0, -1);
    throw new TypeError(`Expected \`${field}\` to be an object, got ${String(options)}`);
  }
  for (const name in options) {
    if (!(name in known)) throw unknownOption(name, Object.keys(known), within);
  }
  return options;
}

function unknownOption(name: string, known: readonly string[], within = ''): TypeError {
  const like = mostLike(name, known);
  const advice =
    like === undefined
      ? `expected ${known.length === 1 ? '' : 'one of '}${known.join(', ')}`
      : `did you mean \`${within}${like}\`?`;
  return new TypeError(`Unknown option \`${within}${name.slice(0, 60)}\`, ${advice}`);
}

/** The name that the fewest letters have to be changed for, unless those are many. */
function mostLike(name: string, known: readonly string[]): string | undefined {
  const changes = known.map((one) => editDistance(name.toLowerCase(), one.toLowerCase()));
  const fewest = Math.min(...changes);
  return fewest <= Math.max(2, name.length / 3) ? known[changes.indexOf(fewest)] : undefined;
}

/** @see https://en.wikipedia.org/wiki/Wagner%E2%80%93Fischer_algorithm row by row */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 0; i < from.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j += 1) {
      const swapped = (row[j] as number) + (from[i] === to[j] ? 0 : 1);
      next.push(Math.min(swapped, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row[to.length] as number;
}
