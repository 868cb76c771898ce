/** What one way of shutting down looked like from outside; times in ms after SIGTERM. */
export interface DrainTrack {
  readonly name: string;
  /** Requests that this instance answered, that were lost, and WebSockets that were closed with 1001. */
  readonly answered: readonly number[];
  readonly lost: readonly number[];
  readonly goodbyes: readonly number[];
  readonly endedAt: number;
  readonly note: string;
}

const WIDTH = 960;
const LEFT = 210;
const RIGHT = 190;
const LANE = 46;
const FROM_MS = -500;
const BUCKET_MS = 50;

/** A lane for each way: how many requests it answered over time, every lost request as a red line, and its end. */
export function drainPicture(
  tracks: readonly DrainTrack[],
  title: string,
  marks: readonly (readonly [atMs: number, label: string])[],
): string {
  // Whoever does not end by itself is cut off at the edge.
  const toMs =
    Math.max(...tracks.filter(({ endedAt }) => endedAt < 6_000).map((t) => t.endedAt)) + 400;
  const x = (ms: number) =>
    LEFT + ((Math.min(toMs, ms) - FROM_MS) / (toMs - FROM_MS)) * (WIDTH - LEFT - RIGHT);
  const parts: string[] = [text(20, 28, title, 'title')];
  const top = 76;
  const bottom = top + tracks.length * LANE;
  for (const [ms, label] of marks) {
    parts.push(`<line class="mark" x1="${at(x(ms))}" x2="${at(x(ms))}" y1="56" y2="${bottom}"/>`);
    parts.push(text(x(ms) + 3, 64, label, 'label'));
  }
  const counts = tracks.map(({ answered }) => histogram(answered, toMs));
  const most = Math.max(1, ...counts.flat());
  for (const [index, track] of tracks.entries()) {
    const base = top + (index + 1) * LANE - 10;
    const height = LANE - 16;
    parts.push(
      text(LEFT - 12, base - 8, track.name, index === tracks.length - 1 ? 'ours' : 'name'),
    );
    const points = (counts[index] ?? []).map((count, bucket) => {
      const ms = FROM_MS + (bucket + 0.5) * BUCKET_MS;
      return `${at(x(ms))},${at(base - (count / most) * height)}`;
    });
    parts.push(
      `<polygon class="area" points="${at(x(FROM_MS))},${base} ${points.join(' ')} ${at(x(toMs))},${base}"/>`,
    );
    parts.push(
      `<line class="life" x1="${at(x(FROM_MS))}" x2="${at(x(track.endedAt))}" y1="${base}" y2="${base}"/>`,
    );
    for (const ms of track.goodbyes) parts.push(tick('goodbye', x(ms), base - 12, base));
    for (const ms of track.lost) parts.push(tick('lost', x(ms), base - height, base));
    if (track.endedAt < toMs) {
      parts.push(`<circle class="end" cx="${at(x(track.endedAt))}" cy="${base}" r="3.5"/>`);
    }
    parts.push(
      text(WIDTH - RIGHT + 14, base - 8, track.note, track.lost.length > 0 ? 'bad' : 'good'),
    );
  }
  for (let s = 0; s * 1_000 <= toMs; s++)
    parts.push(text(x(s * 1_000), bottom + 18, `${s} s`, 'tick'));
  const legend = [
    ['area', 'requests it answered'],
    ['lost', 'a request lost'],
    ['goodbye', 'a WebSocket closed with 1001'],
    ['end', 'the process ended by itself'],
  ] as const;
  legend.forEach(([kind, says], index) => {
    const left = LEFT + index * 190;
    const y = bottom + 44;
    if (kind === 'end') parts.push(`<circle class="end" cx="${left + 5}" cy="${y - 4}" r="3.5"/>`);
    else if (kind === 'area') {
      parts.push(`<rect class="area" x="${left}" y="${y - 10}" width="12" height="10"/>`);
    } else parts.push(tick(kind, left + 5, y - 12, y));
    parts.push(text(left + 18, y, says, 'label'));
  });
  const style = `text{font:12px system-ui,sans-serif;fill:#39404d}.title{font-size:15px;font-weight:600;fill:#151a22}
.name,.ours{text-anchor:end}.ours{font-weight:700}.tick{text-anchor:middle;fill:#6b7280}.label{fill:#6b7280;font-size:11px}
.bad{fill:#b42318}.good{fill:#0a7d6c;font-weight:700}.mark{stroke:#aab1bd;stroke-dasharray:3 3}.area{fill:#cfe3df}
.life{stroke:#7c8695}.lost{stroke:#d92d20;stroke-width:1.4}.goodbye{stroke:#2563eb;stroke-width:1.4}.end{fill:#151a22}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + 60}" role="img"><title>${title}</title>
<style>${style}</style><rect width="100%" height="100%" fill="#fff"/>
${parts.join('\n')}
</svg>
`;
}

function histogram(times: readonly number[], toMs: number): number[] {
  const counts = new Array<number>(Math.ceil((toMs - FROM_MS) / BUCKET_MS)).fill(0);
  for (const ms of times) {
    const bucket = Math.floor((ms - FROM_MS) / BUCKET_MS);
    if (bucket >= 0 && bucket < counts.length) counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  return counts;
}

const at = (value: number) => value.toFixed(1);

function tick(kind: string, x: number, from: number, to: number): string {
  return `<line class="${kind}" x1="${at(x)}" x2="${at(x)}" y1="${at(from)}" y2="${at(to)}"/>`;
}

function text(x: number, y: number, says: string, kind: string): string {
  return `<text x="${at(x)}" y="${at(y)}" class="${kind}">${says.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`;
}
