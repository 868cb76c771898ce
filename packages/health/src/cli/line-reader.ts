import { createInterface } from 'node:readline';
import type { Ask } from './questions.ts';

/**
 * Asks in a terminal. Lines that were typed or pasted before they were asked for are kept: readline's own `question`
 * would drop them. Rejects when the input ends first, else the process would end as if all were well.
 */
export function lineReader(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
): { readonly ask: Ask; close(): void } {
  const reader = createInterface({ input, output });
  const typed: string[] = [];
  let isEnded = false;
  let wake = () => {};
  reader.on('line', (line) => {
    typed.push(line);
    wake();
  });
  reader.on('close', () => {
    isEnded = true;
    wake();
  });
  return {
    async ask(prompt) {
      reader.setPrompt(prompt);
      reader.prompt();
      while (typed.length === 0 && !isEnded) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const line = typed.shift();
      if (line === undefined) throw new RangeError('Expected an answer, got the end of the input');
      return line;
    },
    close: () => reader.close(),
  };
}
