/** The error for an option that nobody reads: names it and the known one that is most like it, or else all of them. */
export function unknownOption(name: string, known: readonly string[], within: string): TypeError {
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
