import type { EventPage } from '../../contract.ts';
import { useMsUntil } from './clock.ts';
import { Countdown } from './countdown.tsx';
import { isInside } from './sale.ts';
import { SeatsView } from './seats-view.tsx';
import { ViewHeading } from './view.tsx';
import { WaitingRoom } from './waiting-room.tsx';

const LONG_AGO = new Date(0).toISOString();

/** What stands between a visitor and the seats: the opening, the queue, or nothing. */
export function Door({ event }: { event: EventPage }) {
  const isOpen = useMsUntil(event.opensAt ?? LONG_AGO) === 0;
  if (!isInside.value) return <WaitingRoom event={event} />;
  if (!isOpen && event.opensAt) return <NotYet opensAt={event.opensAt} />;
  return <SeatsView event={event} />;
}

function NotYet({ opensAt }: { opensAt: string }) {
  return (
    <section class="card waiting">
      <ViewHeading>The sale opens soon</ViewHeading>
      <Countdown until={opensAt} />
      <p class="muted">
        By our clock, not by yours. Stay on this page: it opens by itself, in the same second for
        everybody.
      </p>
    </section>
  );
}
