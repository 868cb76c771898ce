import type { Notice } from './sale.ts';
import { signOut } from './session.ts';

type AccountProps = { name: string; tell: (kind: Notice['kind'], text: string) => void };

/** Who is signed in, and the way out. */
export function Account({ name, tell }: AccountProps) {
  return (
    <span class="account">
      <span class="account-name">{name}</span>
      <button type="button" class="button is-quiet" onClick={() => void leave(tell)}>
        Sign out
      </button>
    </span>
  );
}

export function leave(tell: AccountProps['tell']): Promise<void> {
  return signOut().catch(() => tell('problem', 'Signing out did not work. Please try again.'));
}
