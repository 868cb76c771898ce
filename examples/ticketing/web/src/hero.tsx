import { useMemo } from 'preact/hooks';
import type { EventPage } from '../../contract.ts';
import { showTime } from './format.ts';
import { drawWeather } from './isobars.ts';

export function Hero({ event, compact }: { event: EventPage; compact: boolean }) {
  const { day, hour } = showTime(event);
  return (
    <section class={`hero ${compact ? 'is-compact' : ''}`} aria-label="The event">
      <WeatherAtSea name={event.slug} boatSize={compact ? 0.6 : 1} />
      <div class="hero-text">
        <h1>{event.title}</h1>
        {!compact && <p class="hero-tagline">{event.tagline}</p>}
        <p class="hero-facts">
          <time dateTime={event.startsAt}>
            {day}, {hour}
          </time>
          <span>
            {event.venue}, {event.city}
          </span>
        </p>
      </div>
    </section>
  );
}

const WIDTH = 1600;
const HEIGHT = 520;
const LEVELS = 17;
const WAVES = [
  { y: 428, height: 13, length: 400, fill: '#1b2c63' },
  { y: 456, height: 10, length: 320, fill: '#131f4b' },
  { y: 484, height: 8, length: 400, fill: '#0b1230' },
];

/** The picture behind the title, drawn from the event's name: nothing has to be fetched. */
function WeatherAtSea({ name, boatSize }: { name: string; boatSize: number }) {
  const { lines, lows } = useMemo(() => drawWeather(name, WIDTH, HEIGHT, LEVELS), [name]);
  return (
    <svg
      class="hero-art"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="xMaxYMax slice"
      aria-hidden="true"
    >
      <defs>
        <linearGradient id="sky" x1="0" y1="0" x2="1" y2="1">
          <stop offset="0" stop-color="#0a0e22" />
          <stop offset="0.55" stop-color="#1a1d4e" />
          <stop offset="1" stop-color="#5a2d63" />
        </linearGradient>
        <radialGradient id="dusk" cx="0.72" cy="0.86" r="0.5">
          <stop offset="0" stop-color="#ff8a5c" stop-opacity="0.8" />
          <stop offset="0.5" stop-color="#c2477c" stop-opacity="0.28" />
          <stop offset="1" stop-color="#c2477c" stop-opacity="0" />
        </radialGradient>
        <linearGradient id="isobar" gradientUnits="userSpaceOnUse" x1="0" y1="0" x2={WIDTH} y2="0">
          <stop offset="0.1" stop-color="#6f86ff" stop-opacity="0.1" />
          <stop offset="0.5" stop-color="#8fa2ff" />
          <stop offset="0.75" stop-color="#ffb59b" />
          <stop offset="1" stop-color="#ffd7a3" />
        </linearGradient>
        <radialGradient id="lantern">
          <stop offset="0" stop-color="#ffe9b8" />
          <stop offset="0.25" stop-color="#ffcf7a" stop-opacity="0.55" />
          <stop offset="1" stop-color="#ffcf7a" stop-opacity="0" />
        </radialGradient>
      </defs>
      <rect width={WIDTH} height={HEIGHT} fill="url(#sky)" />
      <rect width={WIDTH} height={HEIGHT} fill="url(#dusk)" />
      <g fill="none" stroke="url(#isobar)" stroke-linecap="round">
        {lines.map((line, index) => (
          <path
            key={line}
            d={line}
            stroke-width={index % 4 === 0 ? 2 : 1}
            opacity={index % 4 === 0 ? 0.75 : 0.45}
          />
        ))}
      </g>
      {lows.map(({ x, y }) => (
        <text key={x} class="hero-low" x={x} y={y}>
          L
        </text>
      ))}
      {WAVES.map(({ y, height, length, fill }, index) => (
        <g key={y}>
          {index === 1 && <Boat size={boatSize} />}
          <path class={`wave is-${index}`} d={wave(y, height, length)} fill={fill} />
        </g>
      ))}
    </svg>
  );
}

function Boat({ size }: { size: number }) {
  return (
    <g transform={`translate(1130 452) scale(${size})`}>
      <g class="boat">
        <circle cx="0" cy="-88" r="120" fill="url(#lantern)" />
        <path d="M-4-14V-150" stroke="#0b1230" stroke-width="5" />
        <path d="M4-146Q74-96 62-32Q30-24 4-30Z" fill="#f6e7d2" />
        <path d="M-10-132Q-56-84-52-34Q-30-28-10-32Z" fill="#ffb59b" />
        <path d="M-82-18H86Q72 22 44 26H-48Q-72 22-82-18Z" fill="#0b1230" />
        <path d="M-79-8H82" stroke="#ff8a5c" stroke-width="4" />
        <circle cx="-4" cy="-156" r="6" fill="#ffe9b8" />
      </g>
    </g>
  );
}

/** A swell one wave length wider than the picture, so that it can drift by one length and repeat. */
function wave(y: number, height: number, length: number): string {
  let path = `M${-length} ${y}`;
  for (let x = -length; x < WIDTH + length; x += length) {
    path += `q${length / 4} ${-height * 2} ${length / 2} 0t${length / 2} 0`;
  }
  return `${path}V${HEIGHT + 20}H${-length}Z`;
}
