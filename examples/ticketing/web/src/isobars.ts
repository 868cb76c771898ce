type Point = { x: number; y: number };
export type WeatherChart = { lines: string[]; lows: Point[] };

const CELL = 10;

/** Numbers that look random and are the same for the same text. */
function sequence(text: string): () => number {
  let state = [...text].reduce((hash, char) => (hash * 31 + char.charCodeAt(0)) >>> 0, 7);
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/**
 * A weather chart that never was: three lows in a field of pressure, and its isobars, one SVG path a
 * level. Lines of equal height by marching squares, so they never cross, as on a real chart.
 *
 * @see https://en.wikipedia.org/wiki/Marching_squares
 */
export function drawWeather(
  name: string,
  width: number,
  height: number,
  levels: number,
): WeatherChart {
  const random = sequence(name);
  const lows = [0.5, 0.72, 0.92].map((share) => ({
    x: width * (share + (random() - 0.5) * 0.1),
    y: height * (0.18 + random() * 0.42),
    reach: width * (0.085 + random() * 0.05),
    turn: random() * Math.PI,
  }));
  const swell = { x: 0.004 + random() * 0.002, y: 0.009 + random() * 0.003, phase: random() * 6 };
  const pressure = (x: number, y: number) => {
    let value = x / width / 2 + 0.22 * Math.sin(x * swell.x + y * swell.y + swell.phase);
    value += 0.1 * Math.sin(x * 0.011 - y * 0.006);
    for (const low of lows) {
      const [dx, dy] = [x - low.x, y - low.y];
      const along = dx * Math.cos(low.turn) + dy * Math.sin(low.turn);
      const across = dy * Math.cos(low.turn) - dx * Math.sin(low.turn);
      value -= Math.exp(-((along / low.reach) ** 2) - (across / (low.reach * 0.66)) ** 2);
    }
    return value;
  };
  const columns = Math.ceil(width / CELL) + 1;
  const grid = Array.from({ length: columns * (Math.ceil(height / CELL) + 1) }, (_, index) =>
    pressure((index % columns) * CELL, Math.floor(index / columns) * CELL),
  );
  const lowest = Math.min(...grid);
  const highest = Math.max(...grid);
  const lines = Array.from({ length: levels }, (_, index) =>
    isobar(grid, columns, lowest + ((index + 0.5) / levels) * (highest - lowest)),
  );
  return { lines, lows: lows.map(({ x, y }) => ({ x: Math.round(x), y: Math.round(y) })) };
}

/** Every cell that the level passes through gets a short line between the sides it crosses. */
function isobar(grid: number[], columns: number, level: number): string {
  let path = '';
  for (let corner = 0; corner + columns + 1 < grid.length; corner++) {
    if (corner % columns === columns - 1) continue;
    const x = (corner % columns) * CELL;
    const y = Math.floor(corner / columns) * CELL;
    const [a, b, c, d] = [corner, corner + 1, corner + columns + 1, corner + columns].map(
      (index) => (grid[index] as number) - level,
    ) as [number, number, number, number];
    const crossings: string[] = [];
    if (a > 0 !== b > 0) crossings.push(`${cut(x, a, b)} ${y}`);
    if (b > 0 !== c > 0) crossings.push(`${x + CELL} ${cut(y, b, c)}`);
    if (d > 0 !== c > 0) crossings.push(`${cut(x, d, c)} ${y + CELL}`);
    if (a > 0 !== d > 0) crossings.push(`${x} ${cut(y, a, d)}`);
    for (let pair = 0; pair + 1 < crossings.length; pair += 2) {
      path += `M${crossings[pair]}L${crossings[pair + 1]}`;
    }
  }
  return path;
}

function cut(start: number, from: number, to: number): number {
  return Math.round((start + (CELL * from) / (from - to)) * 10) / 10;
}
