import { useMemo } from 'preact/hooks';
import type { EventPage } from '../../contract.ts';
import { ApiError } from './api.ts';
import { useMsUntil } from './clock.ts';
import { minutes } from './format.ts';
import { PaintedMap } from './painted-map.tsx';
import { PickedSeats } from './picked-seats.tsx';
import { PriceList } from './price-list.tsx';
import { holdSeats, purchase } from './purchase.ts';
import { holding, live, notice, refreshBoard, selection, soldOut, tell } from './sale.ts';
import { layOut } from './seat-layout.ts';
import { SeatMap } from './seat-map.tsx';
import { askToSignIn } from './sign-in.tsx';
import { ViewHeading } from './view.tsx';
import { pass } from './waiting.ts';

/** So many shapes a browser still moves smoothly; beyond it the hall is painted. */
const MOST_SHAPES = 2_000;

export function SeatsView({ event }: { event: EventPage }) {
  const layout = useMemo(() => layOut(event.categories), [event]);
  const seats = layout.rows.reduce((sum, row) => sum + row.seats.length, 0);
  const HallMap = seats > MOST_SHAPES ? PaintedMap : SeatMap;
  return (
    <div class="columns">
      <section class="card hall">
        <div class="hall-head">
          <ViewHeading>Choose your seats</ViewHeading>
          <Legend />
        </div>
        <TimeInside />
        <Lost />
        <SoldOut />
        <HallMap event={event} layout={layout} />
      </section>
      <aside class="side">
        <PickedSeats event={event} onHold={() => void hold()} />
        <PriceList event={event} layout={layout} />
      </aside>
    </div>
  );
}

/** Signs in if need be, holds the picked seats, and says in words what went wrong. */
async function hold(): Promise<void> {
  if (!(await askToSignIn())) return;
  holding.value = true;
  notice.value = null;
  try {
    await holdSeats(selection.peek());
    selection.value = [];
  } catch (error) {
    await refreshBoard();
    if (error instanceof ApiError && error.status === 401) {
      tell('problem', 'Your session has ended. Please sign in again.');
    } else {
      tell('problem', (error as Error).message);
    }
  } finally {
    holding.value = false;
  }
}

/** Who came through the waiting room has some minutes to choose. */
function TimeInside() {
  if (!pass.value || purchase.value) return null;
  return <TimeLeft until={pass.value.until} />;
}

function TimeLeft({ until }: { until: string }) {
  const left = useMsUntil(until);
  return (
    <p class="banner is-inside">
      <b>It is your turn.</b> Choose within{' '}
      <span class="time-left" role="timer">
        {minutes(left)}
      </span>
      .
    </p>
  );
}

function Lost() {
  if (live.connection.value !== 'lost') return null;
  return (
    <p class="banner" role="status">
      <b>Your connection is gone.</b> The seats are shown as they were; what you hold stays yours.
      We go on trying.
    </p>
  );
}

function SoldOut() {
  if (soldOut.value === 'no') return null;
  return (
    <p class={`banner is-${soldOut.value}`} role="status">
      {soldOut.value === 'for-good' ? (
        <>
          <b>Sold out.</b> Every seat has found its guest. Thank you!
        </>
      ) : (
        <>
          <b>Nothing free right now,</b> but some seats are only being held. They may come back any
          second: keep this page open.
        </>
      )}
    </p>
  );
}

function Legend() {
  return (
    <ul class="legend" aria-label="What the seats look like">
      {(['free', 'selected', 'mine', 'held', 'sold'] as const).map((look) => (
        <li key={look}>
          <svg viewBox="-9 -9 18 18" width="16" height="16" aria-hidden="true">
            <rect
              class="seat is-sample"
              x={-6}
              y={-6}
              width={12}
              height={12}
              rx={3}
              data-look={look}
            />
          </svg>
          {
            { free: 'Free', selected: 'Picked', mine: 'Held for you', held: 'Held', sold: 'Sold' }[
              look
            ]
          }
        </li>
      ))}
    </ul>
  );
}
