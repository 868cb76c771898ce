import type { EventPage } from '../../contract.ts';
import { CountdownRing } from './countdown-ring.tsx';
import { money, plural, seatName } from './format.ts';
import type { Purchase } from './purchase.ts';
import { purchase, releaseSeats } from './purchase.ts';
import { go } from './route.ts';
import {
  holding,
  SEATS_AN_ORDER,
  seatCategory,
  seatPrice,
  selection,
  soldOut,
  tell,
  toggleSeat,
} from './sale.ts';

/** What the visitor has picked, what it costs, and the button that holds it. */
export function PickedSeats({ event, onHold }: { event: EventPage; onHold: () => void }) {
  if (purchase.value) return <Underway current={purchase.value} />;
  const seats = selection.value;
  const total = seats.reduce((sum, seat) => sum + seatPrice(seat), 0);
  return (
    <section class="card picked" aria-labelledby="picked-title">
      <h3 id="picked-title">Your seats</h3>
      {seats.length === 0 ? (
        <p class="muted">
          {soldOut.value === 'no'
            ? `Pick up to ${SEATS_AN_ORDER} seats in the map, or let us find the best ones together.`
            : 'There is none to pick at the moment.'}
        </p>
      ) : (
        <SeatList seats={seats} event={event} onRemove={toggleSeat} />
      )}
      <div class={`picked-bar ${seats.length > 0 ? 'is-filled' : ''}`}>
        <p class="total">
          <span>{seats.length === 0 ? 'Total' : plural(seats.length, 'seat')}</span>
          <b>{money(total, event.currency)}</b>
        </p>
        <button
          type="button"
          class="button is-primary is-wide"
          disabled={seats.length === 0 || holding.value}
          onClick={onHold}
        >
          {holding.value ? 'Holding…' : 'Hold seats'}
        </button>
      </div>
      <p class="fine-print">Held seats are yours alone while you pay. Nothing is charged yet.</p>
    </section>
  );
}

type SeatListProps = { seats: string[]; event: EventPage; onRemove?: (seat: string) => void };

export function SeatList({ seats, event, onRemove }: SeatListProps) {
  return (
    <ul class="seat-list">
      {seats.map((seat) => {
        const category = seatCategory(seat);
        const area = category ? event.categories.indexOf(category) : 0;
        return (
          <li key={seat}>
            <i class={`chip area-${area}`} aria-hidden="true" />
            <span>
              <b>{seatName(seat)}</b>
              <small>{category?.name}</small>
            </span>
            <span class="price">{money(seatPrice(seat), event.currency)}</span>
            {onRemove && (
              <button
                type="button"
                class="icon-button"
                aria-label={`Remove ${seatName(seat)}`}
                onClick={() => onRemove(seat)}
              >
                ×
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** A purchase that was begun, here or in another tab. */
function Underway({ current }: { current: Purchase }) {
  const { hold, orderId, ordered, lengthMs } = current;
  const release = () =>
    releaseSeats().catch(() => tell('problem', 'That did not work. Please try again.'));
  return (
    <section class="card picked is-underway" aria-labelledby="picked-title">
      <h3 id="picked-title">{ordered ? 'Your order is on its way' : 'You are holding'}</h3>
      <div class="underway">
        <p>
          <b>{plural(hold.seats.length, 'seat')}</b>
          <span class="muted">{money(hold.amountCents, hold.currency)}</span>
        </p>
        {!ordered && <CountdownRing until={hold.expiresAt} lengthMs={lengthMs} />}
      </div>
      <button
        type="button"
        class="button is-primary is-wide"
        onClick={() => go(ordered ? { at: 'order', id: orderId } : { at: 'hold', id: hold.id })}
      >
        {ordered ? 'See your order' : 'Go on to pay'}
      </button>
      {!ordered && (
        <button type="button" class="link" onClick={() => void release()}>
          Release these seats
        </button>
      )}
    </section>
  );
}
