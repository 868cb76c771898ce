import { CheckoutView } from './checkout-view.tsx';
import { Door } from './door.tsx';
import { Header } from './header.tsx';
import { Hero } from './hero.tsx';
import { Notices } from './notices.tsx';
import { order } from './order.ts';
import { OrderView } from './order-view.tsx';
import { route } from './route.ts';
import { event, isInside, loading, notice, openSale } from './sale.ts';
import { SignInDialog } from './sign-in.tsx';
import { Message } from './view.tsx';

export function App() {
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Header />
      <main id="main">
        <Screen />
      </main>
      <footer class="footer">
        <p>
          A demonstration: no real show, no real money. Seats, payments and tickets run through a
          real Redis, PostgreSQL and Kafka.
        </p>
      </footer>
      <Notices notice={notice} />
      <SignInDialog />
    </>
  );
}

function Screen() {
  if (loading.value === 'loading') {
    return (
      <div class="opening" role="status">
        <span class="spinner" aria-hidden="true" />
        Opening the ticket office…
      </div>
    );
  }
  if (loading.value === 'not-found') {
    return (
      <Message title="There is no such event" tone="info" level={1}>
        <p>The address may be mistyped, or the show is no longer on sale.</p>
        <a class="button" href="/">
          See what is on
        </a>
      </Message>
    );
  }
  if (loading.value === 'unreachable' || !event.value) {
    return (
      <Message title="We cannot reach the ticket office" tone="problem" level={1}>
        <p>
          Your connection or our servers have a bad moment. Nothing you hold is lost. We keep
          trying, and so can you.
        </p>
        <button class="button" type="button" onClick={() => void openSale()}>
          Try now
        </button>
      </Message>
    );
  }
  return (
    <>
      <Hero event={event.value} compact={route.value.at !== 'seats' || !isInside.value} />
      {(isInside.value || route.value.at !== 'seats') && <Steps />}
      {route.value.at === 'seats' && <Door event={event.value} />}
      {route.value.at === 'hold' && <CheckoutView key={route.value.id} holdId={route.value.id} />}
      {route.value.at === 'order' && <OrderView key={route.value.id} orderId={route.value.id} />}
    </>
  );
}

const STEPS = [
  { at: 'seats', label: 'Choose seats' },
  { at: 'hold', label: 'Pay' },
  { at: 'order', label: 'Get tickets' },
] as const;

function Steps() {
  const isPaid = route.value.at === 'order' && order.value?.state === 'paid';
  const current = isPaid ? STEPS.length : STEPS.findIndex(({ at }) => at === route.value.at);
  return (
    <ol class="steps" aria-label="Your purchase">
      {STEPS.map(({ at, label }, index) => (
        <li
          key={at}
          class={index < current ? 'is-done' : ''}
          aria-current={index === current ? 'step' : undefined}
        >
          <span class="steps-dot" aria-hidden="true">
            {index < current ? '✓' : index + 1}
          </span>
          {label}
        </li>
      ))}
    </ol>
  );
}
