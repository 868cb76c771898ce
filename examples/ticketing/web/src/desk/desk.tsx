import type { ReadonlySignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { demoAccounts } from '../../../addresses.ts';
import type { Role } from '../../../contract.ts';
import { Account, leave } from '../account.tsx';
import { Connection, type ConnectionState } from '../connection.tsx';
import { Notices } from '../notices.tsx';
import { type Known, user } from '../session.ts';
import { askToSignIn, SignInDialog } from '../sign-in.tsx';
import { Message } from '../view.tsx';
import { notice, tell } from './notice.ts';

type DeskProps = {
  title: string;
  /** who works here; organisers may be anywhere */
  staff: Exclude<Role, 'buyer'>;
  connection: ReadonlySignal<ConnectionState>;
  words?: Partial<Record<ConnectionState, string>>;
  /** default: who is signed in */
  who?: ReadonlySignal<Known | null>;
  children: ComponentChildren;
};

/** A page for people who work: the header, who is signed in, and whether they may be here. */
export function Desk({ title, staff, connection, words, who = user, children }: DeskProps) {
  const demo = demoAccounts.find((account) => account.role === staff) ?? demoAccounts[0];
  const somebody = who.value;
  const may = somebody && (somebody.role === staff || somebody.role === 'organiser');
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="header">
        <a class="brand" href="/">
          Evenkeel <b>{title}</b>
        </a>
        <Connection state={connection.value} words={words} />
        {somebody && <Account name={somebody.name} tell={tell} />}
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
        onClick={() => void (isSomebody ? leave(tell) : askToSignIn())}
      >
        {isSomebody ? 'Sign out' : 'Sign in'}
      </button>
    </Message>
  );
}
