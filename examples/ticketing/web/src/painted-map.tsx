import { effect, useSignal } from '@preact/signals';
import type { TargetedKeyboardEvent } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { EventPage } from '../../contract.ts';
import { describe } from './hall.tsx';
import { Painter, seatAt } from './painter.ts';
import { purchase } from './purchase.ts';
import { board, seatLook, selection, toggleSeat } from './sale.ts';
import type { Layout, Seat } from './seat-layout.ts';
import { neighbour } from './seat-layout.ts';
import { KEYS, MapTools, SeatHint } from './seat-map.tsx';

const ZOOMS = [1, 2, 4, 8];
/** Seats are picked by hand from so many pixels a seat on; a smaller map zooms in at the first touch. */
const FINGER_PX = 10;
const PITCH = 20;
const LOWEST_PX = 320;

/**
 * A hall of more seats than a browser moves as shapes: painted, with one real element, the seat that
 * the keyboard is at, for those who do not see the picture.
 */
export function PaintedMap({ event, layout }: { event: EventPage; layout: Layout }) {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const cursor = useRef<HTMLButtonElement>(null);
  const painter = useRef<Painter | null>(null);
  const zoom = useSignal(0);
  const scale = useSignal(1);
  const pointed = useSignal<{ seat: Seat; x: number; y: number } | null>(null);
  const middle = layout.rows[0]?.seats[Math.floor((layout.rows[0]?.seats.length ?? 0) / 2)];
  const current = useSignal<Seat>(middle as Seat);
  const { view } = layout;
  /** where the space that scrolls begins, in units of the layout: left of a hall that is deeper than wide */
  const left = useSignal(view.x);

  /** The smallest size shows the whole hall, whichever way it is long. */
  const measure = ({ clientWidth, clientHeight }: HTMLElement) => {
    const fit = Math.min(clientWidth / view.width, clientHeight / view.height);
    scale.value = (ZOOMS[zoom.value] ?? 1) * fit;
    left.value = view.x + (view.width - clientWidth / fit) / 2;
  };
  const look = () => {
    const box = frame.current;
    if (!box) return;
    measure(box);
    painter.current?.look({
      scale: scale.value,
      x: left.value + box.scrollLeft / scale.value,
      y: view.y + box.scrollTop / scale.value,
      width: box.clientWidth,
      height: box.clientHeight,
    });
  };

  useEffect(() => {
    const painting = new Painter(canvas.current as HTMLCanvasElement, layout);
    painter.current = painting;
    look();
    const stopBoard = board.onChange((seats) => painting.repaint(seats));
    let before: string[] = [];
    const stopPicked = effect(() => {
      const mine = [...selection.value, ...(purchase.value?.hold.seats ?? [])];
      painting.repaint([...before, ...mine]);
      before = mine;
    });
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const recolor = () => painting.recolor();
    scheme.addEventListener('change', recolor);
    const sizes = new ResizeObserver(look);
    sizes.observe(frame.current as HTMLDivElement);
    return () => {
      stopBoard();
      stopPicked();
      scheme.removeEventListener('change', recolor);
      sizes.disconnect();
      painting.close();
    };
  }, [layout]);

  /** `at`: the point of the hall that shall be in the middle. */
  const setZoom = (next: number, at?: { x: number; y: number }) => {
    const box = frame.current;
    if (!box) return;
    const x = at?.x ?? left.value + (box.scrollLeft + box.clientWidth / 2) / scale.value;
    const y = at?.y ?? view.y + (box.scrollTop + box.clientHeight / 2) / scale.value;
    zoom.value = next;
    // there is nothing to scroll to before the space is as large as that; scrollbars may come with it
    measure(box);
    requestAnimationFrame(() => {
      measure(box);
      box.scrollLeft = (x - left.value) * scale.value - box.clientWidth / 2;
      box.scrollTop = (y - view.y) * scale.value - box.clientHeight / 2;
      look();
    });
  };

  const pointOf = ({ clientX, clientY }: MouseEvent) => {
    const box = (canvas.current as HTMLCanvasElement).getBoundingClientRect();
    const { scrollLeft = 0, scrollTop = 0 } = frame.current ?? {};
    return {
      x: left.value + (clientX - box.x + scrollLeft) / scale.value,
      y: view.y + (clientY - box.y + scrollTop) / scale.value,
    };
  };
  const hint = (seat: Seat | undefined) => {
    const [box, map] = [frame.current, frame.current?.parentElement];
    if (!seat || !box || !map) {
      pointed.value = null;
      return;
    }
    const x = (seat.x - left.value) * scale.value - box.scrollLeft;
    const y = (seat.y - 7 - view.y) * scale.value - box.scrollTop;
    const isInView = x > 0 && x < box.clientWidth && y > 0 && y < box.clientHeight;
    pointed.value = isInView ? { seat, x, y } : null;
  };
  const onClick = (click: MouseEvent) => {
    const at = pointOf(click);
    const isCoarse = PITCH * scale.value < FINGER_PX && zoom.value < ZOOMS.length - 1;
    if (isCoarse) return setZoom(zoom.value + (zoom.value < 2 ? 2 : 1), at);
    const seat = seatAt(layout, at.x, at.y);
    if (!seat) return;
    current.value = seat;
    toggleSeat(seat.id);
  };
  const onKeyDown = (press: TargetedKeyboardEvent<HTMLButtonElement>) => {
    if (press.ctrlKey || press.metaKey || press.altKey) return;
    const direction = KEYS[press.key];
    if (!direction) return;
    press.preventDefault();
    current.value = neighbour(layout, current.value, direction);
    hint(current.value);
    requestAnimationFrame(() => cursor.current?.scrollIntoView({ block: 'nearest' }));
  };

  const seat = current.value;
  const seatLooks = seatLook(seat.id);
  const size = `${ZOOMS[zoom.value]}`;
  const side = Math.max(6, 16 * scale.value);
  return (
    <div class="map is-painted">
      <div
        class="map-frame is-zoomed"
        ref={frame}
        onScroll={() => {
          look();
          hint(undefined);
        }}
        style={{ height: `max(${LOWEST_PX}px, min(70vh, ${(view.height / view.width) * 100}cqw))` }}
      >
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot hold a drawing */}
        <div
          class="map-space"
          role="group"
          aria-label="Seat map"
          aria-describedby="map-help"
          style={{
            width: `${Number(size) * 100}%`,
            height: `${Math.floor(view.height * scale.value)}px`,
          }}
        >
          <canvas
            ref={canvas}
            class="map-canvas"
            onClick={onClick}
            onPointerMove={(move) => {
              const at = pointOf(move);
              hint(seatAt(layout, at.x, at.y));
            }}
            onPointerLeave={() => hint(undefined)}
          />
          {/* biome-ignore lint/a11y/useSemanticElements: it is where the keyboard stands in a picture */}
          <button
            ref={cursor}
            type="button"
            role="checkbox"
            class="seat-cursor"
            data-seat={seat.id}
            data-look={seatLooks}
            aria-label={describe(seat, event, seatLooks)}
            aria-checked={seatLooks === 'selected' || seatLooks === 'mine'}
            aria-disabled={seatLooks === 'held' || seatLooks === 'sold' ? true : undefined}
            style={{
              left: `${(seat.x - left.value) * scale.value - side / 2}px`,
              top: `${(seat.y - view.y) * scale.value - side / 2}px`,
              width: `${side}px`,
              height: `${side}px`,
            }}
            onClick={() => toggleSeat(seat.id)}
            onKeyDown={onKeyDown}
            onFocus={() => hint(seat)}
            onBlur={() => hint(undefined)}
          />
        </div>
      </div>
      <SeatHint event={event} pointed={pointed} />
      <MapTools zoom={zoom.value} steps={ZOOMS.length} onZoom={(next) => setZoom(next)} />
    </div>
  );
}
