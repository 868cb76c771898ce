import { useMsUntil } from './clock.ts';
import { minutes, plural } from './format.ts';

const RADIUS = 30;
const AROUND = 2 * Math.PI * RADIUS;
const HURRY_MS = 30_000;
const SPOKEN_SECONDS = [60, 30, 10];

/** The time a hold has left, by the server's clock; spoken at one minute, 30 and 10 seconds. */
export function CountdownRing({ until, lengthMs }: { until: string; lengthMs: number }) {
  const left = useMsUntil(until);
  const share = Math.min(1, left / lengthMs);
  const spoken = SPOKEN_SECONDS.findLast((seconds) => left <= seconds * 1000);
  return (
    <span class={`ring ${left <= HURRY_MS ? 'is-hurry' : ''}`}>
      <svg viewBox="0 0 72 72" aria-hidden="true">
        <circle class="ring-track" cx="36" cy="36" r={RADIUS} />
        <circle
          class="ring-left"
          cx="36"
          cy="36"
          r={RADIUS}
          stroke-dasharray={AROUND}
          stroke-dashoffset={AROUND * (1 - share)}
        />
      </svg>
      <span class="ring-time" role="timer" aria-label={`Time left: ${minutes(left)}`}>
        {minutes(left)}
      </span>
      <span class="visually-hidden" aria-live="polite">
        {spoken && left > 0 ? `${plural(spoken, 'second')} left to pay.` : ''}
      </span>
    </span>
  );
}
