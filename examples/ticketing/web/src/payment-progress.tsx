import { useEffect, useState } from 'preact/hooks';
import type { Order, OrderStep } from '../../contract.ts';
import { money } from './format.ts';
import { live } from './sale.ts';
import { ViewHeading } from './view.tsx';

const STEPS: { step: OrderStep; title: string; text: string }[] = [
  { step: 'queued', title: 'Order accepted', text: 'It is written down and waits for its turn.' },
  { step: 'charging', title: 'Charging your card', text: 'Your bank is being asked.' },
  { step: 'deciding', title: 'Making the seats yours', text: 'Held turns into sold.' },
  {
    step: 'ticketing',
    title: 'Signing your tickets',
    text: 'Each gets a code that nobody can forge.',
  },
];
/** After this long the visitor deserves a word about the wait. */
const SLOW_MS = 8_000;

/** The payment as it happens, told step by step over the WebSocket. */
export function PaymentProgress({ order }: { order: Order }) {
  const at =
    order.step === 'done' ? STEPS.length : STEPS.findIndex(({ step }) => step === order.step);
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <section class="card progress">
      <ViewHeading>
        Your payment of {money(order.amountCents, order.currency)} is on its way
      </ViewHeading>
      <ol class="progress-steps">
        {STEPS.map(({ step, title, text }, index) => (
          <li
            key={step}
            class={index < at ? 'is-done' : index === at ? 'is-now' : ''}
            aria-current={index === at ? 'step' : undefined}
          >
            <span class="progress-dot" aria-hidden="true">
              {index < at ? '✓' : ''}
            </span>
            <span>
              <b>{title}</b>
              <small>{text}</small>
            </span>
          </li>
        ))}
      </ol>
      <p class="visually-hidden" role="status">
        {STEPS[at]?.title ?? 'Done'}
      </p>
      {slow && (
        <p class="banner" role="status">
          The bank is slow today. Your seats are safe: they stay yours until it has answered.
        </p>
      )}
      {live.connection.value === 'lost' && (
        <p class="banner" role="status">
          Your connection is gone, your payment is not: it goes on, and this page catches up.
        </p>
      )}
      <p class="fine-print">
        You can close or reload this page. Its address leads back to your order.
      </p>
    </section>
  );
}
