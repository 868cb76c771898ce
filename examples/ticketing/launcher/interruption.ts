import { StartError } from './options.ts';

export const interruptedCode = 130;
/** npm passes on a Ctrl-C that the terminal has sent us already: two so close are one press. */
const onePressMs = 1_000;

/** Aborts at the first Ctrl-C; a second one ends the process there and then. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  let firstAt: number | undefined;
  const onSignal = () => {
    const now = performance.now();
    firstAt ??= now;
    // servers and services notice that we are gone, and end as well
    if (now - firstAt > onePressMs) process.exit(interruptedCode);
    controller.abort(new StartError('Interrupted.'));
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return controller.signal;
}
