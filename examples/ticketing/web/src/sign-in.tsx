import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { demoAccount } from '../../addresses.ts';
import { ApiError } from './api.ts';
import { register, signIn, user } from './session.ts';

const asking = signal<((signedIn: boolean) => void) | null>(null);

/** Opens the dialog; true once somebody is signed in, false when it was closed. */
export function askToSignIn(): Promise<boolean> {
  if (user.peek()) return Promise.resolve(true);
  asking.peek()?.(false);
  return new Promise((resolve) => {
    asking.value = resolve;
  });
}

type Account = { email: string };

/** `demo` is the account that the form offers: every fresh installation comes with it. */
export function SignInDialog({ demo = demoAccount }: { demo?: Account }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = asking.value !== null;
  useEffect(() => {
    if (open && !dialog.current?.open) dialog.current?.showModal();
    if (!open) dialog.current?.close();
  }, [open]);
  const finish = (signedIn: boolean) => {
    asking.peek()?.(signedIn);
    asking.value = null;
  };
  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby="sign-in-title"
      onClose={() => finish(user.peek() !== null)}
    >
      {open && <SignInForm demo={demo} onDone={() => finish(true)} onClose={() => finish(false)} />}
    </dialog>
  );
}

type Failure = { message: string; fields: Record<string, string> };

type SignInFormProps = { demo: Account; onDone: () => void; onClose: () => void };

function SignInForm({ demo, onDone, onClose }: SignInFormProps) {
  const [isNew, setNew] = useState(false);
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);

  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      if (isNew) await register({ name, email, password });
      else await signIn({ email, password });
      onDone();
    } catch (error) {
      const fields = error instanceof ApiError ? (error.problem.fields ?? {}) : {};
      setFailure({ message: (error as Error).message, fields });
      setBusy(false);
    }
  };
  const useDemo = () => {
    setNew(false);
    setEmail(demo.email);
    setPassword(demoAccount.password);
    setFailure(null);
  };

  return (
    <form class="sign-in" onSubmit={(event) => void submit(event)}>
      <div class="dialog-head">
        <h2 id="sign-in-title">{isNew ? 'Create your account' : 'Sign in'}</h2>
        <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
          ×
        </button>
      </div>
      <p class="muted">
        {isNew
          ? 'Your tickets are kept in it. It takes ten seconds.'
          : 'So that the seats you hold are yours alone.'}
      </p>
      {failure && (
        <p class="form-failure" role="alert">
          {failure.message}
        </p>
      )}
      {isNew && (
        <Field
          label="Name"
          name="name"
          autocomplete="name"
          value={name}
          onInput={setName}
          problem={failure?.fields.name}
        />
      )}
      <Field
        label="E-mail"
        name="email"
        type="email"
        autocomplete="email"
        value={email}
        onInput={setEmail}
        problem={failure?.fields.email}
      />
      <Field
        label="Password"
        name="password"
        type="password"
        autocomplete={isNew ? 'new-password' : 'current-password'}
        hint={isNew ? 'At least 10 characters.' : undefined}
        minLength={isNew ? 10 : undefined}
        value={password}
        onInput={setPassword}
        problem={failure?.fields.password}
      />
      <button type="submit" class="button is-primary is-wide" disabled={busy}>
        {busy ? 'One moment…' : isNew ? 'Create account' : 'Sign in'}
      </button>
      <div class="sign-in-more">
        <button type="button" class="link" onClick={() => setNew(!isNew)}>
          {isNew ? 'I have an account' : 'Create an account'}
        </button>
        <button type="button" class="link" onClick={useDemo}>
          Use the demo account
        </button>
      </div>
    </form>
  );
}

type FieldProps = {
  label: string;
  name: string;
  value: string;
  onInput: (value: string) => void;
  type?: 'text' | 'email' | 'password';
  autocomplete: string;
  hint?: string | undefined;
  minLength?: number | undefined;
  problem?: string | undefined;
};

function Field({ label, name, value, onInput, hint, problem, ...input }: FieldProps) {
  const note = problem ?? hint;
  return (
    <label class={`field ${problem ? 'is-wrong' : ''}`}>
      <span class="field-label">{label}</span>
      <input
        {...input}
        type={(input.type ?? 'text') as 'text'}
        name={name}
        required
        value={value}
        aria-invalid={problem ? true : undefined}
        aria-describedby={note ? `${name}-note` : undefined}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      {note && (
        <span class="field-note" id={`${name}-note`}>
          {note}
        </span>
      )}
    </label>
  );
}
