/**
 * An option that nobody reads is refused: a misspelt name would silently leave the default in force.
 *
 * @throws TypeError when the options are no object; naming the unknown option and those that exist
 */
export function knownOptions<T extends object>(
  options: T,
  known: Readonly<Record<keyof NoInfer<T>, true>>,
  within = '',
): T {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(
      `Expected \`${within.slice(0, -1) || 'options'}\` to be an object, got ${String(options)}`,
    );
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(known, name));
  if (unknown === undefined) return options;
  throw new TypeError(
    `Unknown option \`${within}${unknown.slice(0, 60)}\`, expected one of ${Object.keys(known).join(', ')}`,
  );
}
