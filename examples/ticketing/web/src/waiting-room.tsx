import { useEffect, useState } from 'preact/hooks';
import type { EventPage, WaitingRoomPage } from '../../contract.ts';
import { Countdown } from './countdown.tsx';
import { plural } from './format.ts';
import { live, refreshBoard, soldOut, tell } from './sale.ts';
import { askToSignIn } from './sign-in.tsx';
import { ViewHeading } from './view.tsx';
import type { Place } from './waiting.ts';
import { joinRoom, place, room, roomProblem, standing } from './waiting.ts';

/** Who waits learns only now and then whether there is still something to wait for. */
const BOARD_EVERY_MS = 30_000;
/** so long after the opening, that nobody is in yet does not mean that nobody is let in */
const OPENING_MS = 5_000;

/** Page 2 of the shop: where one stands in the queue, told over the WebSocket. */
export function WaitingRoom({ event }: { event: EventPage }) {
  useEffect(() => {
    const timer = setInterval(() => void refreshBoard(), BOARD_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const status = room.value;
  const isLobby = status?.phase !== 'open' && event.opensAt !== null;
  return (
    <section class="card waiting">
      {place.value ? (
        <Inside mine={place.value} status={status} isLobby={isLobby} />
      ) : (
        <Outside isLobby={isLobby} />
      )}
      {isLobby && event.opensAt && <Countdown until={event.opensAt} />}
      {status && <Crowd status={status} />}
      {soldOut.value === 'for-good' && (
        <p class="banner" role="status">
          <b>Sold out.</b> Every seat has found its guest. There is nothing left to wait for.
        </p>
      )}
      {live.connection.value === 'lost' && (
        <p class="banner" role="status">
          Your connection is gone, your place is not. We go on trying.
        </p>
      )}
      {place.value && (
        <p class="fine-print">
          You may reload, close the page, or open a second one: your place belongs to your account.
          More windows give no better one.
        </p>
      )}
      {status && <Fairness status={status} />}
    </section>
  );
}

function Outside({ isLobby }: { isLobby: boolean }) {
  const [busy, setBusy] = useState(false);
  const join = async () => {
    if (!(await askToSignIn())) return;
    setBusy(true);
    await joinRoom().catch((error: Error) => tell('problem', error.message));
    setBusy(false);
  };
  const over = roomProblem.value === 'over';
  return (
    <>
      <ViewHeading>
        {over ? 'Your time inside has run out' : isLobby ? 'The sale opens soon' : 'Please queue'}
      </ViewHeading>
      <p class="muted">
        {over && 'Seats that you hold or bought are still yours. For others, queue again. '}
        {isLobby
          ? 'Everybody who is in the waiting room at the opening is drawn a place by lot. Being early is enough: being first is worth nothing.'
          : 'So many people want in that they are let in one after another, in the order in which they came.'}
      </p>
      <button
        type="button"
        class="button is-primary is-large"
        disabled={busy}
        onClick={() => void join()}
      >
        {busy ? 'One moment…' : 'Join the waiting room'}
      </button>
    </>
  );
}

type InsideProps = { mine: Place; status: WaitingRoomPage | null; isLobby: boolean };

function Inside({ mine, status, isLobby }: InsideProps) {
  const now = standing.value;
  if (isLobby || !status) {
    return (
      <>
        <ViewHeading>You are in the waiting room</ViewHeading>
        <p class="muted">
          At the opening everybody here is drawn a place by lot. You need not do anything.
        </p>
      </>
    );
  }
  if (!now) {
    return (
      <>
        <ViewHeading>The draw is being held</ViewHeading>
        <p class="muted" role="status">
          A second, and you know your place.
        </p>
      </>
    );
  }
  const first = Math.max(mine.firstPosition ?? now.position, now.position, 1);
  const share = 1 - now.position / (first + 1);
  return (
    <>
      <ViewHeading>{now.position === 0 ? 'It is your turn' : 'You are in the queue'}</ViewHeading>
      <p class="position">
        <small>Your place</small>
        <b data-position={now.position}>{now.position.toLocaleString('en-GB')}</b>
      </p>
      <div
        class="queue-bar"
        role="progressbar"
        aria-label="Way through the queue"
        aria-valuenow={Math.round(share * 100)}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <svg viewBox="0 0 100 2" preserveAspectRatio="none" aria-hidden="true">
          <rect class="queue-done" width={Math.max(2, share * 100)} height="2" rx="1" />
        </svg>
      </div>
      <p class="wait" role="status">
        {now.position === 0 ? 'Opening the hall for you…' : eta(now.waitSeconds, status)}
      </p>
      {roomProblem.value === 'unreachable' && (
        <p class="banner" role="status">
          The door does not answer. Your place is kept; we knock again.
        </p>
      )}
    </>
  );
}

/** Rounded, so that it does not flicker: nobody can know it to the second. */
function eta(seconds: number | null, { updatedAt, opensAt }: WaitingRoomPage): string {
  if (seconds === null && updatedAt - opensAt < OPENING_MS) return 'The doors are opening…';
  if (seconds === null) return 'Nobody is being let in at the moment. Your place is kept.';
  if (seconds < 10) return 'Any moment now';
  if (seconds < 60) return `About ${Math.ceil(seconds / 10) * 10} seconds`;
  return `About ${plural(Math.ceil(seconds / 60), 'minute')}`;
}

function Crowd({ status }: { status: WaitingRoomPage }) {
  const { active, pacePerSecond, phase } = status;
  // who has just come is not in the count yet, and sees their own place
  const waiting = Math.max(status.waiting, standing.value?.position ?? 0);
  return (
    <dl class="crowd">
      <div>
        <dt>{phase === 'open' ? 'waiting' : 'here with you'}</dt>
        <dd>{waiting.toLocaleString('en-GB')}</dd>
      </div>
      {phase === 'open' && (
        <>
          <div>
            <dt>choosing seats</dt>
            <dd>{active.toLocaleString('en-GB')}</dd>
          </div>
          <div>
            <dt>let in a second</dt>
            <dd>{pacePerSecond.toLocaleString('en-GB', { maximumFractionDigits: 1 })}</dd>
          </div>
        </>
      )}
    </dl>
  );
}

/** The draw was promised before anybody's place was known, and can be checked after it. */
function Fairness({ status }: { status: WaitingRoomPage }) {
  return (
    <details class="fairness">
      <summary>How do I know that the draw is fair?</summary>
      <p>
        The order comes from a seed that was chosen before anybody came. Its SHA-256 is shown here
        from the beginning, the seed itself from the opening on: with it you can work out every
        place, and see that it is the one that was promised.
      </p>
      <dl>
        <dt>SHA-256 of the seed</dt>
        <dd class="mono">{status.commitment}</dd>
        {status.seed && (
          <>
            <dt>Seed</dt>
            <dd class="mono">{status.seed}</dd>
          </>
        )}
      </dl>
    </details>
  );
}
