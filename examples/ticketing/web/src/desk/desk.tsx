import type { ReadonlySignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { demoAccounts } from '../../../addresses.ts';
import type { Role } from '../../../contract.ts';
import { Notices } from '../notices.tsx';
import { signOut, user } from '../session.ts';
import { askToSignIn, SignInDialog } from '../sign-in.tsx';
import { Message } from '../view.tsx';
import { notice, tell } from './notice.ts';

const CONNECTION = { connecting: 'Connecting…', live: 'Live', lost: 'Reconnecting…' };

type DeskProps = {
  title: string;
  /** who works here; organisers may be anywhere */
  staff: Exclude<Role, 'buyer'>;
  connection: ReadonlySignal<keyof typeof CONNECTION>;
  words?: Partial<typeof CONNECTION>;
  children: ComponentChildren;
};

/** A page for people who work: the header, who is signed in, and whether they may be here. */
export function Desk({ title, staff, connection, words, children }: DeskProps) {
  const demo = demoAccounts.find((account) => account.role === staff) ?? demoAccounts[0];
  const may = user.value && (user.value.role === staff || user.value.role === 'organiser');
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="header">
        <a class="brand" href="/">
          Evenkeel <b>{title}</b>
        </a>
        <span class={`connection is-${connection.value}`} role="status">
          <i aria-hidden="true" />
          {{ ...CONNECTION, ...words }[connection.value]}
        </span>
        {user.value && (
          <span class="account">
            <span class="account-name">{user.value.name}</span>
            <button type="button" class="button is-quiet" onClick={() => void leave()}>
              Sign out
            </button>
          </span>
        )}
      </header>
      <main id="main" class="desk">
        {may ? children : <Stranger staff={staff} />}
      </main>
      <Notices notice={notice} />
      <SignInDialog demo={demo} />
    </>
  );
}

function Stranger({ staff }: { staff: Role }) {
  const isSomebody = user.value !== null;
  return (
    <Message
      title={isSomebody ? `This page is for ${staff}s` : 'Please sign in'}
      tone={isSomebody ? 'problem' : 'info'}
      level={1}
    >
      <p>
        {isSomebody
          ? `You are signed in as ${user.value?.name}, who is none. Nothing of it is shown to others.`
          : `This page is for ${staff}s of the house.`}
      </p>
      <button
        type="button"
        class="button is-primary"
        onClick={() => void (isSomebody ? leave() : askToSignIn())}
      >
        {isSomebody ? 'Sign out' : 'Sign in'}
      </button>
    </Message>
  );
}

function leave(): Promise<void> {
  return signOut().catch(() => tell('problem', 'Signing out did not work. Please try again.'));
}
