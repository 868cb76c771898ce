import { useMsUntil } from './clock.ts';
import { plural } from './format.ts';

const UNITS = [
  { name: 'day', seconds: 86_400, below: Number.POSITIVE_INFINITY },
  { name: 'hour', seconds: 3_600, below: 24 },
  { name: 'minute', seconds: 60, below: 60 },
  { name: 'second', seconds: 1, below: 60 },
];

/** The time until `until` by the server's clock, in large digits. */
export function Countdown({ until }: { until: string }) {
  const seconds = Math.ceil(useMsUntil(until) / 1000);
  const parts = UNITS.map(({ name, seconds: each, below }) => ({
    name,
    count: Math.floor(seconds / each) % below,
  })).filter(({ name, count }) => count > 0 || name !== 'day');
  return (
    <div class="countdown" role="timer" aria-label={spoken(seconds)}>
      {parts.map(({ name, count }) => (
        <span key={name} aria-hidden="true">
          <b>{String(count).padStart(2, '0')}</b>
          <small>{count === 1 ? name : `${name}s`}</small>
        </span>
      ))}
    </div>
  );
}

/** In words, and in no finer unit than a listener wants. */
function spoken(seconds: number): string {
  if (seconds < 60) return `Opens in ${plural(seconds, 'second')}`;
  const unit = UNITS.find((one) => seconds >= one.seconds) as (typeof UNITS)[0];
  return `Opens in about ${plural(Math.round(seconds / unit.seconds), unit.name)}`;
}
