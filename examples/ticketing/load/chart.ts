/** A line chart as SVG, with stretches of time marked. */
import type { Mark } from './recorder.ts';

export type Line = {
  label: string;
  color: string;
  points: readonly (readonly [x: number, y: number])[];
};

const [width, height, left, bottom, top] = [960, 220, 50, 20, 28];

export function chart(title: string, marks: readonly Mark[], lines: readonly Line[]): string {
  const points = lines.flatMap((line) => line.points);
  const lastX = Math.max(1, ...points.map(([x]) => x));
  const mostY = niceTop(Math.max(0, ...points.map(([, y]) => y)));
  const x = (value: number) => Math.round((left + (value / lastX) * (width - left - 10)) * 10) / 10;
  const y = (value: number) =>
    Math.round((height - bottom - (value / mostY) * (height - bottom - top)) * 10) / 10;
  const grid = [0, 0.5, 1].map((part) => {
    const at = y(part * mostY);
    return `<path d="M${left} ${at}H${width - 10}" stroke="var(--grid)"/><text x="${left - 6}" y="${at + 4}" text-anchor="end">${part * mostY}</text>`;
  });
  const seconds = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    return `<text x="${x(part * lastX)}" y="${height - 4}" text-anchor="middle">${Math.round(part * lastX)} s</text>`;
  });
  const bands = marks.map(({ at, forMs, text }, index) => {
    const wide = Math.max(2, x(at + forMs / 1_000) - x(at));
    return `<rect x="${x(at)}" y="${top}" width="${wide}" height="${height - bottom - top}" fill="var(--mark)"><title>${text}</title></rect><text x="${x(at) + 2}" y="${top - 4 - (index % 2) * 11}" style="font-size:9px">${text}</text>`;
  });
  const paths = lines.map(({ color, points: line }) => {
    const steps = line
      .map(([px, py], index) => `${index === 0 ? 'M' : 'L'}${x(px)} ${y(py)}`)
      .join('');
    return `<path d="${steps}" fill="none" stroke="${color}" stroke-width="1.5"/>`;
  });
  const legend = lines
    .map(({ label, color }) => `<span style="color:${color}">${label}</span>`)
    .join(' · ');
  return `<figure><figcaption>${title} <small>${legend}</small></figcaption><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">${[...bands, ...grid, ...seconds, ...paths].join('')}</svg></figure>`;
}

/** The next of 1, 2, 5, 10, 20, ... */
function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)));
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}
