import type { ReadonlySignal } from '@preact/signals';
import { computed } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { EventPage } from '../../contract.ts';
import { money } from './format.ts';
import type { SeatLook } from './sale.ts';
import { seatLook } from './sale.ts';
import type { Layout, Seat } from './seat-layout.ts';

export const LOOKS: Record<SeatLook, string> = {
  free: 'Free',
  selected: 'Picked by you',
  mine: 'Held for you',
  held: 'Held by somebody else',
  sold: 'Sold',
};

type HallProps = { layout: Layout; event: EventPage; current: ReadonlySignal<string> };

/** The drawing itself: stage, rows and seats. */
export function Hall({ layout, event, current }: HallProps) {
  return useMemo(
    () => (
      <>
        {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it takes the focus */}
        <g aria-hidden="true">
          <path class="map-stage" d={layout.stage} />
          <text class="map-stage-label" y={layout.stageLabelY}>
            STAGE
          </text>
          {layout.areas.map(({ name, y }, area) => (
            <text key={name} class={`map-area area-${area}`} y={y}>
              {name}
            </text>
          ))}
          {layout.rows.map((row) =>
            row.labels.map(({ x, y }) => (
              <text key={x} class="map-row" x={x} y={y}>
                {row.name}
              </text>
            )),
          )}
        </g>
        {layout.rows.map((row) => (
          <g key={row.name}>
            {row.seats.map((seat) => (
              <SeatShape key={seat.id} seat={seat} event={event} current={current} />
            ))}
          </g>
        ))}
      </>
    ),
    [layout, event, current],
  );
}

function SeatShape({ seat, event, current }: { seat: Seat } & Omit<HallProps, 'layout'>) {
  const live = useMemo(() => {
    const look = computed(() => seatLook(seat.id));
    return {
      look,
      label: computed(() => describe(seat, event, look.value)),
      checked: computed(() =>
        look.value === 'selected' || look.value === 'mine' ? 'true' : 'false',
      ),
      disabled: computed(() =>
        look.value === 'held' || look.value === 'sold' ? 'true' : undefined,
      ),
      tabIndex: computed(() => (current.value === seat.id ? 0 : -1)),
    };
  }, [seat, event, current]);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a shape in a drawing, which no input can be
    <rect
      class={`seat area-${seat.area}`}
      x={-6}
      y={-6}
      width={12}
      height={12}
      rx={3}
      transform={`translate(${seat.x} ${seat.y}) rotate(${(-seat.angle * 180) / Math.PI})`}
      role="checkbox"
      data-seat={seat.id}
      data-look={live.look}
      aria-label={live.label}
      aria-checked={live.checked as ReadonlySignal<'true' | 'false'>}
      aria-disabled={live.disabled as ReadonlySignal<'true' | undefined>}
      tabindex={live.tabIndex}
    />
  );
}

export function describe(seat: Seat, event: EventPage, look: SeatLook): string {
  const category = event.categories[seat.area];
  const price = money(category?.priceCents ?? 0, event.currency);
  return `Row ${seat.row}, seat ${seat.number}, ${category?.name}, ${price}, ${LOOKS[look]}`;
}
