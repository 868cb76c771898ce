import { useState } from 'preact/hooks';
import type { Category, Count, EventPage } from '../../contract.ts';
import { money, plural } from './format.ts';
import { purchase } from './purchase.ts';
import { board, SEATS_AN_ORDER, selection, tell } from './sale.ts';
import type { Layout } from './seat-layout.ts';
import { bestTogether } from './seat-layout.ts';

const FEW_LEFT = 0.1;

/** Prices, how many are left, and the quick way: the best free seats beside each other. */
export function PriceList({ event, layout }: { event: EventPage; layout: Layout }) {
  const [count, setCount] = useState(2);
  const [area, setArea] = useState('');
  const find = () => {
    const isFree = (seat: string) => board.seat(seat).peek() === 'free';
    const seats = bestTogether(layout, count, isFree, area === '' ? undefined : Number(area));
    if (seats.length > 0) {
      selection.value = seats;
      tell('info', `Picked for you: ${seats.join(', ')}.`);
    } else {
      tell(
        'info',
        `There are no ${count} free seats beside each other${area === '' ? '' : ' there'}.`,
      );
    }
  };
  return (
    <section class="card prices" aria-labelledby="prices-title">
      <h3 id="prices-title">Prices</h3>
      <ul class="price-list">
        {event.categories.map((category, index) => (
          <PriceRow key={category.sku} category={category} area={index} currency={event.currency} />
        ))}
      </ul>
      <form
        class="finder"
        onSubmit={(submit) => {
          submit.preventDefault();
          find();
        }}
      >
        <label>
          <span class="field-label">Seats together</span>
          <select
            value={count}
            onChange={({ currentTarget }) => setCount(Number(currentTarget.value))}
          >
            {Array.from({ length: SEATS_AN_ORDER }, (_, index) => (
              <option key={index + 1} value={index + 1}>
                {index + 1}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span class="field-label">Where</span>
          <select value={area} onChange={({ currentTarget }) => setArea(currentTarget.value)}>
            <option value="">Anywhere</option>
            {event.categories.map((category, index) => (
              <option key={category.sku} value={index}>
                {category.name}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" class="button" disabled={purchase.value !== null}>
          Find best
        </button>
      </form>
    </section>
  );
}

type PriceRowProps = { category: Category; area: number; currency: string };

function PriceRow({ category, area, currency }: PriceRowProps) {
  const count = board.counts.value.find(({ sku }) => sku === category.sku);
  return (
    <li>
      <i class={`chip area-${area}`} aria-hidden="true" />
      <span>
        <b>{category.name}</b>
        <small class={count && scarcity(count) !== 'plenty' ? 'is-scarce' : ''}>
          {left(count)}
        </small>
      </span>
      <span class="price">{money(category.priceCents, currency)}</span>
    </li>
  );
}

function scarcity({ free, total }: Count): 'none' | 'few' | 'plenty' {
  if (free === 0) return 'none';
  return free <= total * FEW_LEFT ? 'few' : 'plenty';
}

function left(count: Count | undefined): string {
  if (!count) return '';
  const amount = scarcity(count);
  if (amount === 'plenty') return `${plural(count.free, 'seat')} left`;
  if (amount === 'few') return `Only ${count.free} left`;
  return count.held > 0 ? `None free, ${count.held} held: may come back` : 'Sold out';
}
