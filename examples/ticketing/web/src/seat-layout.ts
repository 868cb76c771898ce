import type { Category } from '../../contract.ts';

/** `area` is the index of the seat's category; `angle` is in radians from the middle of the hall. */
export type Seat = {
  id: string;
  row: string;
  number: number;
  area: number;
  x: number;
  y: number;
  angle: number;
};
type Row = { name: string; area: number; seats: Seat[]; labels: { x: number; y: number }[] };
export type Layout = {
  rows: Row[];
  areas: { name: string; y: number }[];
  stage: string;
  stageLabelY: number;
  view: { x: number; y: number; width: number; height: number };
};

const PITCH = 20;
const ROW_GAP = 23;
const AREA_GAP = 34;
const AISLE = 15;
const FIRST_RADIUS = 190;
const HALF_FAN = 0.86;
const AISLE_ANGLE = HALF_FAN * 0.36;

/**
 * Places every seat on arcs around the stage: the first row nearest, a wider gap between categories,
 * two aisles. The radius grows until the widest row fits into the fan, so any hall can be drawn from
 * nothing but its rows and their lengths.
 */
export function layOut(categories: Category[]): Layout {
  const planned = categories.flatMap((category, area) =>
    category.rows.map((row, index) => ({ ...row, area, startsArea: index === 0 && area > 0 })),
  );
  let depth = 0;
  const depths = planned.map((row, index) => {
    if (index > 0) depth += ROW_GAP + (row.startsArea ? AREA_GAP : 0);
    return depth;
  });
  const innerRadius = planned.reduce((radius, row, index) => {
    const halfLength = (row.seats * PITCH) / 2 + AISLE;
    return Math.max(radius, halfLength / HALF_FAN - (depths[index] as number));
  }, FIRST_RADIUS);

  const areas: Layout['areas'] = [];
  const rows = planned.map((row, index): Row => {
    const radius = innerRadius + (depths[index] as number);
    if (row.startsArea || index === 0) {
      areas.push({ name: categories[row.area]?.name ?? '', y: radius - ROW_GAP * 1.05 });
    }
    const seats = Array.from({ length: row.seats }, (_, place): Seat => {
      const plain = ((place - (row.seats - 1) / 2) * PITCH) / radius;
      const angle =
        Math.abs(plain) > AISLE_ANGLE ? plain + (Math.sign(plain) * AISLE) / radius : plain;
      const number = place + 1;
      return {
        id: `${row.row}-${number}`,
        row: row.row,
        number,
        area: row.area,
        angle,
        ...at(radius, angle),
      };
    });
    const edge = (seats.at(-1)?.angle ?? 0) + (PITCH * 1.1) / radius;
    return { name: row.row, area: row.area, seats, labels: [at(radius, -edge), at(radius, edge)] };
  });

  const stageRadius = innerRadius - 62;
  const marks = rows.flatMap((row) => row.labels);
  const halfWidth = Math.max(...marks.map((mark) => mark.x)) + 16;
  const top = Math.min(at(stageRadius - 46, STAGE_HALF).y, ...marks.map((mark) => mark.y)) - 14;
  const bottom = innerRadius + depth + 24;
  return {
    rows,
    areas,
    stage: band(stageRadius - 40, stageRadius, STAGE_HALF),
    stageLabelY: stageRadius - 15,
    view: { x: -halfWidth, y: top, width: 2 * halfWidth, height: bottom - top },
  };
}

const STAGE_HALF = 0.5;

function at(radius: number, angle: number): { x: number; y: number } {
  return { x: round(radius * Math.sin(angle)), y: round(radius * Math.cos(angle)) };
}

function band(inner: number, outer: number, half: number): string {
  const [a, b, c, d] = [at(outer, -half), at(outer, half), at(inner, half), at(inner, -half)];
  return `M${a.x} ${a.y}A${outer} ${outer} 0 0 0 ${b.x} ${b.y}L${c.x} ${c.y}A${inner} ${inner} 0 0 1 ${d.x} ${d.y}Z`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export type Direction = 'left' | 'right' | 'up' | 'down' | 'start' | 'end';

/** The seat that an arrow key, Home or End leads to; up is towards the stage. */
export function neighbour(layout: Layout, from: Seat, direction: Direction): Seat {
  const rowIndex = layout.rows.findIndex((row) => row.seats.includes(from));
  const row = layout.rows[rowIndex]?.seats ?? [];
  const place = row.indexOf(from);
  if (direction === 'start') return row[0] ?? from;
  if (direction === 'end') return row.at(-1) ?? from;
  if (direction === 'left' || direction === 'right') {
    return row[place + (direction === 'left' ? -1 : 1)] ?? from;
  }
  const next = layout.rows[rowIndex + (direction === 'up' ? -1 : 1)]?.seats ?? [];
  const nearest = next.reduce<Seat | null>(
    (best, seat) =>
      best && Math.abs(best.angle - from.angle) <= Math.abs(seat.angle - from.angle) ? best : seat,
    null,
  );
  return nearest ?? from;
}

/**
 * The best free seats together: side by side in one row, nearest to the front of the cheapest-to-reach
 * choice `area` (or of the whole hall), and nearest to the middle. O(seats x count).
 */
export function bestTogether(
  layout: Layout,
  count: number,
  isFree: (seatId: string) => boolean,
  area?: number,
): string[] {
  let best: { seats: Seat[]; score: number } | null = null;
  for (const [depth, row] of layout.rows.entries()) {
    if (area !== undefined && row.area !== area) continue;
    for (let start = 0; start + count <= row.seats.length; start++) {
      const seats = row.seats.slice(start, start + count);
      if (!seats.every((seat) => isFree(seat.id))) continue;
      const off = Math.abs(seats.reduce((sum, seat) => sum + seat.angle, 0) / count);
      const score = depth + off * 12; // a row further back weighs as much as five degrees to the side
      if (!best || score < best.score) best = { seats, score };
    }
  }
  return best?.seats.map((seat) => seat.id) ?? [];
}
