import { useEffect, useState } from 'preact/hooks';
import type { Order } from '../../contract.ts';
import { money, plural, seatName } from './format.ts';
import { cancelOrder, fetchOrder, followOrder, order, orderFailure } from './order.ts';
import { PaymentProgress } from './payment-progress.tsx';
import { endPurchase, holdAfterDecline, purchase } from './purchase.ts';
import { go } from './route.ts';
import { live, tell } from './sale.ts';
import { user } from './session.ts';
import { askToSignIn } from './sign-in.tsx';
import { Tickets } from './tickets.tsx';
import { Message, ViewHeading } from './view.tsx';

/** One order, from the moment it was sent: `#order/<id>` shows it again after a reload. */
export function OrderView({ orderId }: { orderId: string }) {
  useEffect(() => followOrder(orderId), [orderId]);
  const shown = order.value?.id === orderId ? order.value : null;
  const state = shown?.state;
  useEffect(() => {
    // a declined card may leave the seats held; every other end frees the purchase
    if (state && state !== 'processing' && state !== 'declined') endPurchase(orderId);
  }, [state, orderId]);

  if (!shown) return <NotYet orderId={orderId} />;
  if (shown.state === 'processing') return <PaymentProgress order={shown} />;
  if (shown.state === 'paid') return <Paid order={shown} />;
  if (shown.state === 'declined') return <Declined order={shown} />;
  return <MoneyBack order={shown} />;
}

function NotYet({ orderId }: { orderId: string }) {
  const failure = orderFailure.value;
  const again = () => {
    orderFailure.value = null;
    void fetchOrder(orderId);
  };
  useEffect(() => {
    if (failure === 'not-found') endPurchase(orderId);
  }, [failure, orderId]);
  useEffect(() => {
    if (user.value && orderFailure.peek() === 'signed-out') again();
  }, [user.value]);
  if (failure === 'signed-out') {
    return (
      <Message title="Whose order is this?" tone="info">
        <p>Sign in to the account that bought it, and here it is.</p>
        <button type="button" class="button is-primary" onClick={() => void askToSignIn()}>
          Sign in
        </button>
      </Message>
    );
  }
  if (failure === 'not-found') {
    return (
      <Message title="We cannot find this order" tone="info">
        <p>The address may be mistyped, or the order belongs to another account.</p>
        <BackToSeats />
      </Message>
    );
  }
  if (failure === 'unreachable') {
    return (
      <Message title="We cannot reach the ticket office" tone="problem">
        <p>Your order is safe with us. We keep trying, and so can you.</p>
        <button type="button" class="button" onClick={again}>
          Try now
        </button>
      </Message>
    );
  }
  return (
    <div class="opening" role="status">
      <span class="spinner" aria-hidden="true" />
      Looking up your order…
    </div>
  );
}

function Paid({ order }: { order: Order }) {
  return (
    <section class="paid">
      <div class="paid-head">
        <span class="message-glyph" aria-hidden="true">
          ✓
        </span>
        <div>
          <ViewHeading>You are in. Enjoy the show!</ViewHeading>
          <p class="muted">
            {plural(order.tickets.length, 'ticket')} for {order.title}. Show the code at the door.
          </p>
        </div>
      </div>
      <Tickets order={order} />
      <Receipt order={order} />
    </section>
  );
}

function Receipt({ order }: { order: Order }) {
  const { createdAt, completedAt } = order;
  const tookMs = completedAt ? Date.parse(completedAt) - Date.parse(createdAt) : null;
  return (
    <section class="card receipt" aria-labelledby="receipt-title">
      <h3 id="receipt-title">Receipt</h3>
      <dl>
        <dt>Order</dt>
        <dd class="mono">{order.id}</dd>
        <dt>Seats</dt>
        <dd>{order.seats.map(seatName).join(' · ')}</dd>
        <dt>Paid</dt>
        <dd>
          <b>{money(order.amountCents, order.currency)}</b>
        </dd>
        <dt>When</dt>
        <dd>
          {new Date(completedAt ?? createdAt).toLocaleString('en-GB', {
            dateStyle: 'long',
            timeStyle: 'short',
          })}
          {tookMs !== null && <span class="muted"> · done in {(tookMs / 1000).toFixed(1)} s</span>}
        </dd>
      </dl>
      <div class="receipt-actions">
        <button type="button" class="button" onClick={() => print()}>
          Print
        </button>
        <BackToSeats label="Buy more tickets" />
        <GiveBack order={order} />
      </div>
    </section>
  );
}

/** Asks once more before it gives the tickets back: there is no way to undo it. */
function GiveBack({ order }: { order: Order }) {
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const cancel = async () => {
    setBusy(true);
    try {
      await cancelOrder(order.id);
      live.send({ type: 'watch-order', order: order.id });
    } catch (error) {
      tell('problem', (error as Error).message);
      setAsking(false);
      setBusy(false);
    }
  };
  if (!asking) {
    return (
      <button type="button" class="link" onClick={() => setAsking(true)}>
        Cancel this order
      </button>
    );
  }
  return (
    <div class="give-back" role="alert">
      <p>
        Give back {plural(order.tickets.length, 'ticket')} for{' '}
        {money(order.amountCents, order.currency)}? The codes stop working at once.
      </p>
      <button type="button" class="button is-danger" disabled={busy} onClick={() => void cancel()}>
        {busy ? 'One moment…' : 'Yes, cancel and refund'}
      </button>
      <button type="button" class="button" disabled={busy} onClick={() => setAsking(false)}>
        Keep my tickets
      </button>
    </div>
  );
}

function Declined({ order }: { order: Order }) {
  const [asked, setAsked] = useState(false);
  useEffect(() => {
    void holdAfterDecline(order.id).then(() => setAsked(true));
  }, [order.id]);
  const seats = order.seats.length === 1 ? 'The seat is' : 'The seats are';
  const held = purchase.value?.declined === order.id ? purchase.value.hold.id : null;
  return (
    <Message title="Your bank declined the card" tone="problem">
      <p>
        Nothing was charged for {order.seats.map(seatName).join(' and ')}.{' '}
        {held && `${seats} still held for you.`}
        {asked && !held && `${seats} no longer held for you.`}
      </p>
      <div class="message-actions">
        {held && (
          <button
            type="button"
            class="button is-primary"
            onClick={() => go({ at: 'hold', id: held })}
          >
            Try another card
          </button>
        )}
        {asked && <BackToSeats primary={!held} />}
      </div>
    </Message>
  );
}

/** Every way in which money comes back: nothing was taken, it is on its way, it is there. */
function MoneyBack({ order }: { order: Order }) {
  const amount = money(order.amountCents, order.currency);
  const seats = order.seats.map(seatName).join(' · ');
  if (order.state === 'expired') {
    return (
      <Message title="The payment came too late" tone="info">
        <p>
          The time for your seats was over before the bank had answered, and they went back on sale.
          The {amount} that the bank had reserved were given back at once: you have not paid
          anything.
        </p>
        <p class="fine-print">{seats}</p>
        <BackToSeats primary />
      </Message>
    );
  }
  const isDone = order.state === 'refunded';
  return (
    <Message title={isDone ? 'Your money is back' : 'Your order is cancelled'} tone="info">
      <p role="status">
        {isDone
          ? `${amount} were returned to your card. The tickets are void and the seats are on sale again.`
          : `The tickets are void, and ${amount} are on their way back to your card.`}
      </p>
      {!isDone && <span class="spinner" aria-hidden="true" />}
      <p class="fine-print">
        {seats}
        <br />
        Order <span class="mono">{order.id}</span>
      </p>
      <BackToSeats primary={isDone} />
    </Message>
  );
}

type BackToSeatsProps = { label?: string; primary?: boolean };

function BackToSeats({ label = 'Choose seats again', primary = false }: BackToSeatsProps) {
  return (
    <button
      type="button"
      class={`button ${primary ? 'is-primary' : ''}`}
      onClick={() => go({ at: 'seats' })}
    >
      {label}
    </button>
  );
}
