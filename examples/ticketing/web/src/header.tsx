import { Account } from './account.tsx';
import { Connection } from './connection.tsx';
import { live, tell } from './sale.ts';
import { user } from './session.ts';
import { askToSignIn } from './sign-in.tsx';

export function Header() {
  return (
    <header class="header">
      <a class="brand" href="/" aria-label="Evenkeel Tickets">
        <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
          <path
            d="M4 11a3 3 0 0 1 3-3h18a3 3 0 0 1 3 3v2.2a2.9 2.9 0 0 0 0 5.6V21a3 3 0 0 1-3 3H7a3 3 0 0 1-3-3v-2.2a2.9 2.9 0 0 0 0-5.6z"
            fill="currentColor"
          />
          <path d="M20 9v14" stroke="#0b0e1d" stroke-width="1.8" stroke-dasharray="2.4 2.2" />
        </svg>
        <span>
          Evenkeel <b>Tickets</b>
        </span>
      </a>
      <Connection state={live.connection.value} />
      {user.value ? (
        <Account name={user.value.name} tell={tell} />
      ) : (
        <button type="button" class="button is-quiet" onClick={() => void askToSignIn()}>
          Sign in
        </button>
      )}
    </header>
  );
}
