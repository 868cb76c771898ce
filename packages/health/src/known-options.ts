/**
 * Refuses options with a name that nobody reads, which would silently leave the default in force.
 *
 * @throws TypeError when the options are no object; naming the unknown option and those that exist
 */
export function knownOptions<T extends object>(
  options: T,
  known: Readonly<Record<keyof NoInfer<T>, true>>,
): T {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`Expected \`options\` to be an object, got ${String(options)}`);
  }
  for (const name in options) {
    if (!(name in known)) throw unknownOption(name, Object.keys(known));
  }
  return options;
}

export function unknownOption(name: string, known: readonly string[], within = ''): TypeError {
  const expected = known.length === 1 ? known[0] : `one of ${known.join(', ')}`;
  return new TypeError(`Unknown option \`${within}${name.slice(0, 60)}\`, expected ${expected}`);
}
