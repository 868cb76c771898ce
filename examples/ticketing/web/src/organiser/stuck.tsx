import { useState } from 'preact/hooks';
import { paths } from '../../../addresses.ts';
import type { StuckOrders } from '../../../contract.ts';
import { attempt } from '../desk/notice.ts';
import { plural } from '../format.ts';
import { change, stuck } from './sale.ts';

/** Orders whose buyers have waited for longer than a minute, and what can be done about each. */
export function Stuck() {
  const orders = stuck.value;
  return (
    <section class="card stuck" aria-labelledby="stuck-title">
      <div class="section-head">
        <h2 id="stuck-title">Stuck</h2>
        <span class={`pill ${orders.length === 0 ? 'is-good' : 'is-bad'}`} role="status">
          {orders.length === 0 ? 'nobody waits' : `${plural(orders.length, 'order')} over a minute`}
        </span>
      </div>
      {orders.length > 0 && (
        <ul class="stuck-list">
          {orders.map((order) => (
            <StuckOrder key={order.id} order={order} />
          ))}
        </ul>
      )}
      <RefundForm />
    </section>
  );
}

function StuckOrder({ order }: { order: StuckOrders['orders'][number] }) {
  const { id, event, seats, state, since, job } = order;
  const minutes = Math.round((Date.now() - Date.parse(since)) / 60_000);
  const retry = () =>
    attempt(async () => {
      const { retried } = (await change('POST', paths.organiser.retry(id))) as { retried: number };
      return retried > 0
        ? 'Its job is back in the queue.'
        : 'Nothing of it was given up: it is still being tried by itself.';
    });
  return (
    <li>
      <div>
        <b>
          {event}: {seats.join(', ')}
        </b>
        <span class="mono">{id}</span>
        <small class="muted">
          {state === 'paid' ? 'tickets out without the money' : state} for{' '}
          {plural(minutes, 'minute')}
          {job && `, job ${job.state}, attempt ${job.attempt}`}
          {job?.error && `: ${job.error}`}
        </small>
      </div>
      <button
        type="button"
        class="button is-quiet"
        aria-label={`Try again: order ${id}`}
        onClick={() => void retry()}
      >
        Try again
      </button>
    </li>
  );
}

/** For the buyer on the phone: gives back any order that is paid. */
function RefundForm() {
  const [id, setId] = useState('');
  const submit = (submission: Event) => {
    submission.preventDefault();
    void attempt(async () => {
      await change('POST', paths.organiser.refund(id.trim()));
      return 'The order is cancelled, its seats are on sale again, the money is on its way back.';
    }).then((done) => done && setId(''));
  };
  return (
    <form class="refund-form" onSubmit={submit}>
      <label>
        <span class="field-label">Cancel and refund an order</span>
        <input
          class="mono"
          required
          pattern="\s*[0-9a-f\-]{36}\s*"
          placeholder="its number, from the receipt"
          value={id}
          onInput={({ currentTarget }) => setId(currentTarget.value)}
        />
      </label>
      <button type="submit" class="button is-danger">
        Cancel and refund
      </button>
    </form>
  );
}
