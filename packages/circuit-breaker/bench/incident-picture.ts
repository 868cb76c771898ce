import { type Result, type Second, SICK_FROM, WELL_FROM } from './simulation.ts';

const WIDTH = 960;
const LEFT = 60;
const RIGHT = 20;
const COLOURS = ['#8a8fa3', '#c08a3e', '#b0588f', '#0a7d6c'];

/**
 * The incident as one SVG: calls in flight over time, calls that failed after they were made, and a strip for each policy
 * that is dark while it refuses calls. The last policy is drawn on top.
 */
export function incidentPicture(results: ReadonlyMap<string, Result>): string {
  const policies = [...results].map(([name, { series }], i) => ({
    name,
    series,
    colour: COLOURS[i % COLOURS.length] as string,
  }));
  const seconds = policies[0]?.series.length ?? 1;
  const x = (second: number): number => LEFT + (second / seconds) * (WIDTH - LEFT - RIGHT);
  const parts: string[] = [];
  let top = 40;

  const curves = (title: string, height: number, read: (one: Second) => number): void => {
    const most = Math.max(1, ...policies.flatMap(({ series }) => series.map(read)));
    const y = (value: number): number => top + height - (value / most) * height;
    parts.push(text(LEFT, top - 8, title, 'title'));
    for (const share of [0, 0.5, 1]) {
      const at = y(most * share);
      parts.push(`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/>`);
      parts.push(text(LEFT - 6, at + 4, String(Math.round(most * share)), 'axis end'));
    }
    for (const { series, colour } of policies) {
      const points = series.map((one, s) => `${x(s).toFixed(1)},${y(read(one)).toFixed(1)}`);
      parts.push(`<polyline points="${points.join(' ')}" stroke="${colour}"/>`);
    }
    top += height + 44;
  };
  curves('calls in flight', 170, ({ inFlight }) => inFlight);
  curves('calls a second that were made and failed or timed out', 80, ({ failed }) => failed);

  parts.push(text(LEFT, top - 8, 'dark: calls are refused', 'title'));
  for (const { name, series, colour } of policies) {
    parts.push(
      `<rect class="strip" x="${LEFT}" y="${top}" width="${WIDTH - LEFT - RIGHT}" height="14"/>`,
    );
    for (let from = 0; from < series.length; from += 1) {
      let to = from;
      while ((series[to]?.refused ?? 0) > 0) to += 1;
      if (to === from) continue;
      const width = (x(to) - x(from)).toFixed(1);
      parts.push(
        `<rect x="${x(from).toFixed(1)}" y="${top}" width="${width}" height="14" fill="${colour}"/>`,
      );
      from = to;
    }
    parts.push(`<rect x="${LEFT}" y="${top + 19}" width="10" height="10" fill="${colour}"/>`);
    parts.push(text(LEFT + 16, top + 28, name, 'axis'));
    top += 40;
  }
  const ticks = [0, SICK_FROM, 120, 180, 240, 300, WELL_FROM, 420, seconds];
  for (const second of ticks) parts.push(text(x(second), top + 6, `${second} s`, 'axis middle'));
  const height = top + 20;
  const from = x(SICK_FROM);
  const shade = `<rect class="sick" x="${from}" y="26" width="${x(WELL_FROM) - from}" height="${top - 34}"/>`;
  const label = text(from + 6, 22, 'every call takes 30 s instead of 0.2 s', 'axis');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="The incident: calls in flight, failed calls and refusals over time for four circuit breakers">
<style>
  svg { background: #fff } text { font: 12px system-ui, sans-serif; fill: #3b3f51 } .title { font-weight: 600 }
  .end { text-anchor: end } .middle { text-anchor: middle } .grid { stroke: #e3e5ee } .sick { fill: #fdeee6 }
  .strip { fill: #eef0f6 } polyline { fill: none; stroke-width: 2; stroke-linejoin: round }
</style>
${shade}
${label}
${parts.join('\n')}
</svg>
`;
}

function text(x: number, y: number, content: string, classes: string): string {
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" class="${classes}">${safe}</text>`;
}
