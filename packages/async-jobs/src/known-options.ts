import { show } from './options.ts';

/**
 * Refuses an option that nobody reads: a misspelt name would silently leave the default in force.
 *
 * @throws TypeError when the options are no object; naming the unknown option and those that exist
 */
export function knownOptions<T extends object>(
  options: T,
  known: Readonly<Record<keyof NoInfer<T>, true>>,
  within = '',
): T {
  if (typeof options !== 'object' || options === null) {
    const field = within === '' ? 'options' : within.slice(0, -1);
    throw new TypeError(`Expected \`${field}\` to be an object, got ${show(options)}`);
  }
  for (const name in options) {
    if (name in known) continue;
    const names = Object.keys(known).join(', ');
    throw new TypeError(
      `Unknown option \`${within}${name.slice(0, 60)}\`, expected one of ${names}`,
    );
  }
  return options;
}
