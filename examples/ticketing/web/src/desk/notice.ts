import { signal } from '@preact/signals';
import type { Notice } from '../sale.ts';

/** One short message; it stays until the next one or until closed. */
export const notice = signal<Notice | null>(null);

export function tell(kind: Notice['kind'], text: string): void {
  notice.value = { kind, text };
}

/** Does it, says that it was done, or in the server's words why not. True when it was. */
export async function attempt(work: () => Promise<string>): Promise<boolean> {
  try {
    tell('info', await work());
    return true;
  } catch (error) {
    tell('problem', (error as Error).message);
    return false;
  }
}
