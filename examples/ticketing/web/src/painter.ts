import { untracked } from '@preact/signals';
import type { SeatLook } from './sale.ts';
import { seatLook } from './sale.ts';
import type { Layout, Seat } from './seat-layout.ts';

/** Half of a seat's side and of the square that is wiped for it, in units of the layout. */
const HALF = 6.5;
const CELL = 9;
/** below so many pixels a side nobody sees that a seat is turned */
const TURNED_FROM_PX = 7;
const MOST_DENSE = 2;

type Colors = Record<'card' | 'line' | 'raised' | 'muted' | 'ink' | 'accent' | 'sold', string> & {
  areas: string[];
};
/** The window onto the hall: `scale` pixels a unit, `x` and `y` of its corner in units, its size in pixels. */
export type View = { scale: number; x: number; y: number; width: number; height: number };
/** In pixels of the canvas. */
type Area = { x: number; y: number; width: number; height: number };

/**
 * Paints a hall of any size onto a canvas as large as the window that it is seen through. Once a frame a change
 * repaints the seats it names; scrolling moves what is painted and adds what comes into view; another size repaints all.
 */
export class Painter {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #layout: Layout;
  readonly #seats: Map<string, Seat>;
  readonly #dirty = new Set<Seat>();
  #frame = 0;
  #view: View = { scale: 1, x: 0, y: 0, width: 1, height: 1 };
  #colors: Colors;
  #density = 1;
  /** what the canvas shows: `zoom` of its pixels a unit, and its corner in those; undefined when that is of no use */
  #shown: { zoom: number; x: number; y: number } | undefined;

  constructor(canvas: HTMLCanvasElement, layout: Layout) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d', { alpha: false }) as CanvasRenderingContext2D;
    this.#layout = layout;
    this.#seats = new Map(layout.rows.flatMap(({ seats }) => seats.map((seat) => [seat.id, seat])));
    this.#colors = colorsOf(canvas);
  }

  look(view: View): void {
    this.#view = view;
    const density = Math.min(MOST_DENSE, devicePixelRatio);
    const [width, height] = [Math.round(view.width * density), Math.round(view.height * density)];
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
      Object.assign(this.#canvas.style, { width: `${view.width}px`, height: `${view.height}px` });
      this.#shown = undefined;
    }
    this.#density = density;
    this.repaint([]);
  }

  /** After a change between dark and light. */
  recolor(): void {
    this.#colors = colorsOf(this.#canvas);
    this.repaint('all');
  }

  repaint(seats: readonly string[] | 'all'): void {
    if (seats === 'all') this.#shown = undefined;
    else {
      for (const id of seats) {
        const seat = this.#seats.get(id);
        if (seat) this.#dirty.add(seat);
      }
    }
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#paint());
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = -1;
  }

  #paint(): void {
    this.#frame = 0;
    const context = this.#context;
    const zoom = this.#view.scale * this.#density;
    // whole pixels, so that what is painted can be moved
    const [x, y] = [Math.round(this.#view.x * zoom), Math.round(this.#view.y * zoom)];
    const missing = this.#move({ zoom, x, y });
    for (const area of missing) {
      context.save();
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.beginPath();
      context.rect(area.x, area.y, area.width, area.height);
      context.clip();
      context.setTransform(zoom, 0, 0, zoom, -x, -y);
      this.#paintArea({
        x: (area.x + x) / zoom,
        y: (area.y + y) / zoom,
        width: area.width / zoom,
        height: area.height / zoom,
      });
      context.restore();
    }
    context.setTransform(zoom, 0, 0, zoom, -x, -y);
    context.fillStyle = this.#colors.card;
    for (const { x, y } of this.#dirty) context.fillRect(x - CELL, y - CELL, 2 * CELL, 2 * CELL);
    for (const seat of this.#dirty) this.#paintSeat(seat);
    this.#dirty.clear();
  }

  /** Moves what is painted to where it is now, and returns what is missing. */
  #move(to: { zoom: number; x: number; y: number }): Area[] {
    const { width, height } = this.#canvas;
    const from = this.#shown;
    this.#shown = to;
    const [right, down] = [to.x - (from?.x ?? 0), to.y - (from?.y ?? 0)];
    if (from?.zoom !== to.zoom || Math.abs(right) >= width || Math.abs(down) >= height) {
      return [{ x: 0, y: 0, width, height }];
    }
    if (right === 0 && down === 0) return [];
    this.#context.setTransform(1, 0, 0, 1, 0, 0);
    this.#context.drawImage(this.#canvas, -right, -down);
    return [
      { x: right > 0 ? width - right : 0, y: 0, width: Math.abs(right), height },
      { x: 0, y: down > 0 ? height - down : 0, width, height: Math.abs(down) },
    ].filter((area) => area.width > 0 && area.height > 0);
  }

  /** `x`, `y` and size in units of the layout. */
  #paintArea({ x, y, width, height }: Area): void {
    const context = this.#context;
    const { rows, stage, stageLabelY, areas } = this.#layout;
    const { card, raised, line, muted } = this.#colors;
    const [fromX, fromY, toX, toY] = [x - CELL, y - CELL, x + width + CELL, y + height + CELL];
    context.fillStyle = card;
    context.fillRect(fromX, fromY, toX - fromX, toY - fromY);
    const path = new Path2D(stage);
    context.fillStyle = raised;
    context.strokeStyle = line;
    context.lineWidth = 1.5;
    context.fill(path);
    context.stroke(path);
    context.textAlign = 'center';
    context.fillStyle = muted;
    // as large on the screen as in a small hall, but no larger than the gap that it stands in
    const size = Math.min(30, Math.max(13, 13 / this.#view.scale));
    context.font = `700 ${size}px system-ui`;
    context.fillText('STAGE', 0, stageLabelY);
    for (const [area, { name, y }] of areas.entries()) {
      context.fillStyle = this.#colors.areas[area % this.#colors.areas.length] as string;
      context.fillText(name, 0, y);
    }
    for (const { seats } of rows) {
      for (const seat of seats) {
        const isIn = seat.x > fromX && seat.x < toX && seat.y > fromY && seat.y < toY;
        if (isIn) this.#paintSeat(seat);
      }
    }
  }

  #paintSeat(seat: Seat): void {
    const context = this.#context;
    const look = untracked(() => seatLook(seat.id));
    const { fill, stroke } = this.#style(seat, look);
    const isTurned = 2 * HALF * this.#view.scale >= TURNED_FROM_PX;
    if (isTurned) {
      context.save();
      context.translate(seat.x, seat.y);
      context.rotate(-seat.angle);
    }
    const [x, y] = isTurned ? [-HALF, -HALF] : [seat.x - HALF, seat.y - HALF];
    if (fill) {
      context.fillStyle = fill;
      context.fillRect(x, y, 2 * HALF, 2 * HALF);
    }
    if (stroke) {
      context.strokeStyle = stroke;
      context.lineWidth = 2.5;
      context.strokeRect(x + 1.25, y + 1.25, 2 * HALF - 2.5, 2 * HALF - 2.5);
    }
    if (isTurned) context.restore();
  }

  #style(seat: Seat, look: SeatLook): { fill?: string | undefined; stroke?: string | undefined } {
    const { areas, sold, accent, ink } = this.#colors;
    const area = areas[seat.area % areas.length];
    if (look === 'free') return { fill: area };
    if (look === 'held') return { stroke: area };
    if (look === 'sold') return { fill: sold };
    if (look === 'selected') return { fill: accent, stroke: ink };
    return { stroke: accent };
  }
}

function colorsOf(element: HTMLElement): Colors {
  const style = getComputedStyle(element);
  const read = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    card: read('card'),
    line: read('line'),
    raised: read('raised'),
    muted: read('muted'),
    ink: read('ink'),
    accent: read('accent'),
    sold: read('seat-sold'),
    areas: [0, 1, 2, 3].map((area) => read(`area-${area}`)),
  };
}

/** The seat at a point of the layout, or the nearest one within reach. O(rows + seats of a row). */
export function seatAt(layout: Layout, x: number, y: number): Seat | undefined {
  const radius = Math.hypot(x, y);
  let best: { seat: Seat; distance: number } | undefined;
  for (const { seats } of layout.rows) {
    const [first] = seats;
    // a row is an arc around the stage: all its seats are as far from it as the first
    if (!first || Math.abs(Math.hypot(first.x, first.y) - radius) > CELL + 2) continue;
    for (const seat of seats) {
      const distance = Math.hypot(seat.x - x, seat.y - y);
      if (distance <= CELL + 2 && (!best || distance < best.distance)) best = { seat, distance };
    }
  }
  return best?.seat;
}
