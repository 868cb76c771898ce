import { object } from './check.ts';

/**
 * Checks that every option is one that somebody reads: a misspelt name would leave the default in force.
 *
 * @throws TypeError when the options are no object; naming the unknown option and those that exist
 */
export function knownOptions<T extends object>(
  options: T,
  known: Readonly<Record<keyof NoInfer<T>, true>>,
  within = '',
): T {
  const field = within === '' ? 'options' : within.slice(0, -1);
  for (const name in object(field, options)) {
    if (!(name in known)) throw unknownOption(`${within}${name}`, Object.keys(known));
  }
  return options;
}

export function unknownOption(name: string, known: readonly string[]): TypeError {
  return new TypeError(
    `Unknown option \`${name.slice(0, 80)}\`, expected one of ${known.join(', ')}`,
  );
}
