import { useEffect, useState } from 'preact/hooks';
import { testCards } from '../../addresses.ts';
import { ApiError } from './api.ts';
import { CountdownRing } from './countdown-ring.tsx';
import { money, plural } from './format.ts';
import { SeatList } from './picked-seats.tsx';
import { expiredHold, extendHold, pay, purchase, releaseSeats } from './purchase.ts';
import { go } from './route.ts';
import { event, refreshPrices, tell } from './sale.ts';
import { user } from './session.ts';
import { askToSignIn } from './sign-in.tsx';
import { Message, ViewHeading } from './view.tsx';

/** The payment provider of the demonstration knows these test cards. */
const CARDS = [
  { token: testCards.good, digits: '4242', label: 'The good card', note: 'Payments go through.' },
  { token: testCards.declined, digits: '0002', label: 'The empty card', note: 'The bank says no.' },
];

export function CheckoutView({ holdId }: { holdId: string }) {
  const [card, setCard] = useState(CARDS[0]?.token ?? '');
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState('');
  const current = purchase.value;

  useEffect(() => setFailure(''), [card]);

  if (current?.hold.id !== holdId || !event.value)
    return <HoldGone expired={expiredHold.value === holdId} />;
  const { hold, lengthMs } = current;
  const submit = async (submission: Event) => {
    submission.preventDefault();
    if (!user.peek() && !(await askToSignIn())) return;
    setBusy(true);
    setFailure('');
    try {
      await pay(card);
    } catch (error) {
      const isNewPrice = error instanceof ApiError && error.problem.code === 'price_changed';
      // else the seats' prices and their sum would not agree
      if (isNewPrice) await refreshPrices().catch(() => undefined);
      const advice = isNewPrice
        ? 'Nothing was charged. The total below is the new one.'
        : 'Paying again is safe: you are never charged twice.';
      setFailure(`${(error as Error).message} ${advice}`);
    } finally {
      setBusy(false);
    }
  };
  const release = () =>
    releaseSeats().catch(() => tell('problem', 'That did not work. Please try again.'));

  const extend = () => extendHold().catch((error: Error) => tell('problem', error.message));

  return (
    <form class="columns is-checkout" onSubmit={(submission) => void submit(submission)}>
      <section class="card pay">
        <ViewHeading>Pay with a test card</ViewHeading>
        <p class="muted">No real money moves here. Choose how your bank answers.</p>
        <fieldset class="cards">
          <legend class="visually-hidden">Card</legend>
          {CARDS.map(({ token, digits, label, note }) => (
            <label key={token} class="bank-card">
              <input
                type="radio"
                name="card"
                value={token}
                checked={card === token}
                onChange={() => setCard(token)}
              />
              <span class="bank-card-face">
                <span class="bank-card-chip" aria-hidden="true" />
                <span class="bank-card-number">•••• {digits}</span>
                <b>{label}</b>
                <small>{note}</small>
              </span>
            </label>
          ))}
        </fieldset>
        {failure && (
          <p class="form-failure" role="alert">
            {failure}
          </p>
        )}
        <button type="submit" class="button is-primary is-wide is-large" disabled={busy}>
          {busy ? 'Sending your order…' : `Pay ${money(hold.amountCents, hold.currency)}`}
        </button>
        <p class="fine-print">
          The order is accepted at once and paid in the background. You may close the page: it goes
          on without you.
        </p>
      </section>
      <aside class="card held" aria-labelledby="held-title">
        <div class="held-head">
          <div>
            <h3 id="held-title">Held for you</h3>
            <p class="muted">{plural(hold.seats.length, 'seat')} until the ring closes</p>
          </div>
          <CountdownRing until={hold.expiresAt} lengthMs={lengthMs} />
        </div>
        <SeatList seats={hold.seats} event={event.value} />
        <p class="total">
          <span>Total</span>
          <b>{money(hold.amountCents, hold.currency)}</b>
        </p>
        {hold.extendable && (
          <button type="button" class="button is-quiet is-wide" onClick={() => void extend()}>
            I need two more minutes
          </button>
        )}
        <div class="held-actions">
          <button type="button" class="link" onClick={() => go({ at: 'seats' })}>
            Back to the map
          </button>
          <button type="button" class="link" onClick={() => void release()}>
            Release these seats
          </button>
        </div>
      </aside>
    </form>
  );
}

function HoldGone({ expired }: { expired: boolean }) {
  return (
    <Message
      title={expired ? 'Your time to pay has run out' : 'These seats are no longer held'}
      tone="info"
    >
      <p>
        {expired
          ? 'So the seats went back on sale, for you as for everybody else. Nothing was charged.'
          : 'They were paid for, released, or held by another account. Nothing was charged from here.'}
      </p>
      <button
        type="button"
        class="button is-primary"
        onClick={() => go({ at: 'seats' }, { replace: true })}
      >
        Choose seats again
      </button>
    </Message>
  );
}
