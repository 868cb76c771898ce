import type { ReadonlySignal } from '@preact/signals';
import { useSignal } from '@preact/signals';
import type { TargetedKeyboardEvent } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { EventPage } from '../../contract.ts';
import { money } from './format.ts';
import { Hall, LOOKS } from './hall.tsx';
import { seatLook, toggleSeat } from './sale.ts';
import type { Direction, Layout, Seat } from './seat-layout.ts';
import { neighbour } from './seat-layout.ts';

export const KEYS: Record<string, Direction> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
  Home: 'start',
  End: 'end',
};
const ZOOMS = [1, 1.5, 2.2, 3.2];
/** Below this many CSS pixels from seat to seat a finger misses; the map then opens zoomed in. */
const FINGER_PITCH = 17;
const PITCH = 20;

/**
 * The hall. Drawn once; afterwards each seat follows its own signal, so a thousand changes a second
 * touch only the seats they name. One Tab stop: the arrow keys walk, Space picks.
 */
export function SeatMap({ event, layout }: { event: EventPage; layout: Layout }) {
  const frame = useRef<HTMLDivElement>(null);
  const zoom = useSignal(0);
  const pointed = useSignal<{ seat: Seat; x: number; y: number } | null>(null);
  const byId = useMemo(() => {
    return new Map(layout.rows.flatMap((row) => row.seats.map((seat) => [seat.id, seat] as const)));
  }, [layout]);
  const firstSeat = layout.rows[0]?.seats[Math.floor((layout.rows[0]?.seats.length ?? 0) / 2)];
  const current = useSignal(firstSeat?.id ?? '');

  useEffect(() => {
    const width = frame.current?.clientWidth ?? 0;
    const fits = ZOOMS.findIndex(
      (times) => (times * width * PITCH) / layout.view.width >= FINGER_PITCH,
    );
    setZoom(fits === -1 ? ZOOMS.length - 1 : fits);
  }, [layout]);

  const setZoom = (next: number) => {
    const box = frame.current;
    if (!box) return;
    const middleX = (box.scrollLeft + box.clientWidth / 2) / box.scrollWidth;
    const middleY = (box.scrollTop + box.clientHeight / 2) / box.scrollHeight;
    const untouched = box.scrollWidth <= box.clientWidth;
    zoom.value = next;
    requestAnimationFrame(() => {
      box.scrollLeft = middleX * box.scrollWidth - box.clientWidth / 2;
      box.scrollTop = untouched ? 0 : middleY * box.scrollHeight - box.clientHeight / 2;
    });
  };

  const seatOf = (target: EventTarget | null) =>
    target instanceof SVGElement ? byId.get(target.dataset.seat ?? '') : undefined;
  const point = (target: EventTarget | null) => {
    const seat = seatOf(target);
    const box = frame.current?.getBoundingClientRect();
    if (!seat || !box) {
      pointed.value = null;
      return;
    }
    const at = (target as SVGElement).getBoundingClientRect();
    const x = at.x + at.width / 2;
    const isInView = x > box.left && x < box.right && at.bottom > box.top && at.top < box.bottom;
    const map = frame.current?.parentElement?.getBoundingClientRect() ?? box;
    pointed.value = isInView ? { seat, x: x - map.x, y: at.y - map.y } : null;
  };
  const pick = (seat: Seat) => {
    current.value = seat.id;
    toggleSeat(seat.id);
  };
  const onKeyDown = (press: TargetedKeyboardEvent<SVGSVGElement>) => {
    const seat = seatOf(press.target);
    if (!seat || press.ctrlKey || press.metaKey || press.altKey) return;
    const direction = KEYS[press.key];
    if (direction) {
      const next = neighbour(layout, seat, direction);
      current.value = next.id;
      press.currentTarget.querySelector<SVGElement>(`[data-seat="${next.id}"]`)?.focus();
    } else if (press.key === ' ' || press.key === 'Enter') {
      pick(seat);
    } else return;
    press.preventDefault();
  };

  return (
    <div class="map">
      <div
        class={`map-frame ${zoom.value > 0 ? 'is-zoomed' : ''}`}
        ref={frame}
        onScroll={() => point(document.activeElement)}
      >
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot hold a drawing's shapes */}
        <svg
          class="map-hall"
          viewBox={`${layout.view.x} ${layout.view.y} ${layout.view.width} ${layout.view.height}`}
          style={{ width: `${(ZOOMS[zoom.value] ?? 1) * 100}%` }}
          role="group"
          aria-label="Seat map"
          aria-describedby="map-help"
          onClick={(click) => {
            const seat = seatOf(click.target);
            if (seat) pick(seat);
          }}
          onKeyDown={onKeyDown}
          onPointerOver={(over) => point(over.target)}
          onPointerLeave={() => point(null)}
          onFocusIn={(focus) => point(focus.target)}
          onFocusOut={() => point(null)}
        >
          <Hall layout={layout} event={event} current={current} />
        </svg>
      </div>
      <SeatHint event={event} pointed={pointed} />
      <MapTools zoom={zoom.value} steps={ZOOMS.length} onZoom={setZoom} />
    </div>
  );
}

type MapToolsProps = { zoom: number; steps: number; onZoom: (next: number) => void };

/** Size of the map, and how to use it without a mouse. */
export function MapTools({ zoom, steps, onZoom }: MapToolsProps) {
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: two buttons are no form */}
      <div class="map-zoom" role="group" aria-label="Size of the map">
        <button
          type="button"
          aria-label="Larger"
          disabled={zoom === steps - 1}
          onClick={() => onZoom(zoom + 1)}
        >
          +
        </button>
        <button
          type="button"
          aria-label="Smaller"
          disabled={zoom === 0}
          onClick={() => onZoom(zoom - 1)}
        >
          −
        </button>
      </div>
      <p class="visually-hidden" id="map-help">
        Use the arrow keys to walk from seat to seat and Space to pick one. Up leads towards the
        stage.
      </p>
    </>
  );
}

type SeatHintProps = {
  event: EventPage;
  pointed: ReadonlySignal<{ seat: Seat; x: number; y: number } | null>;
};

/** The small label over a seat under the pointer or the focus; screen readers have the seat's own. */
export function SeatHint({ event, pointed }: SeatHintProps) {
  if (!pointed.value) return null;
  const { seat, x, y } = pointed.value;
  const category = event.categories[seat.area];
  return (
    <div
      class="map-hint"
      style={{ left: `clamp(84px, ${x}px, calc(100% - 84px))`, top: `${y}px` }}
      aria-hidden="true"
    >
      <b>
        Row {seat.row} · Seat {seat.number}
      </b>
      <span>
        <i class={`chip area-${seat.area}`} />
        {category?.name} · {money(category?.priceCents ?? 0, event.currency)}
      </span>
      <small>{LOOKS[seatLook(seat.id)]}</small>
    </div>
  );
}
