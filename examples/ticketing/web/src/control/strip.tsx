import type { BreakerSample } from '../../../launcher/control-messages.ts';
import { samples } from './room.ts';

const SHOWN = 180;
const WORDS: Record<BreakerSample['state'], string> = {
  closed: 'closed: calls go through',
  'half-open': 'half-open: a few calls try',
  open: 'open: calls are refused at once',
  isolated: 'isolated by hand',
  disabled: 'switched off: every call is made',
  unknown: 'its process is away',
};

/** Each second of each circuit breaker as a mark in its colour, the latest at the right. */
export function BreakerStrip() {
  const all = samples.value;
  const names = [...new Set(all.flatMap(({ breakers }) => breakers.map(({ name }) => name)))];
  return (
    <section class="card strip">
      <h2>Circuit breakers</h2>
      {names.length === 0 && <p class="muted">The first second is on its way…</p>}
      {names.map((name) => {
        const states = all.map(
          ({ breakers }) => breakers.find((one) => one.name === name)?.state ?? 'unknown',
        );
        const now = all.at(-1)?.breakers.find((one) => one.name === name);
        const state = now?.state ?? 'unknown';
        return (
          <div class="strip-row" key={name}>
            <b>{name}</b>
            <span class={`pill is-${state}`} role="status">
              {WORDS[state]}
            </span>
            <svg
              viewBox={`0 0 ${SHOWN} 10`}
              preserveAspectRatio="none"
              role="img"
              aria-label={`${name}: ${WORDS[state]}; the last three minutes`}
            >
              <rect class="strip-empty" width={SHOWN} height="10" />
              {runs(states).map(({ state, from, length }) => (
                <rect
                  key={`${from} ${state}`}
                  class={`strip-mark is-${state}`}
                  x={SHOWN - states.length + from}
                  width={length}
                  height="10"
                />
              ))}
            </svg>
          </div>
        );
      })}
    </section>
  );
}

/** Neighbours of the same state as one: three minutes are a handful of rectangles. */
function runs(states: BreakerSample['state'][]) {
  const found: { state: BreakerSample['state']; from: number; length: number }[] = [];
  for (const [index, state] of states.entries()) {
    const last = found.at(-1);
    if (last?.state === state) last.length += 1;
    else found.push({ state, from: index, length: 1 });
  }
  return found;
}
