import { signal } from '@preact/signals';

/** One short message; it stays until the next one or until closed. */
export const notice = signal<{ kind: 'info' | 'problem'; text: string } | null>(null);

export function tell(kind: 'info' | 'problem', text: string): void {
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
