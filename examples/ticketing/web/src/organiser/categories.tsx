import { useState } from 'preact/hooks';
import { paths } from '../../../addresses.ts';
import type { SaleReport } from '../../../contract.ts';
import { attempt } from '../desk/notice.ts';
import { Figures } from '../figures.tsx';
import { money } from '../format.ts';
import { change } from './sale.ts';

type Count = SaleReport['counts'][number];

/** Each category with what is left of it, and how to change its price and its size during the sale. */
export function Categories({ report }: { report: SaleReport }) {
  return (
    <section class="card" aria-labelledby="categories-title">
      <h2 id="categories-title">Categories</h2>
      <ul class="categories">
        {report.counts.map((count, area) => (
          <Category
            key={`${report.event} ${count.sku}`}
            count={count}
            area={area}
            report={report}
          />
        ))}
      </ul>
    </section>
  );
}

function Category({ count, area, report }: { count: Count; area: number; report: SaleReport }) {
  const { sku, name, priceCents, total, free, held, sold, withheld } = count;
  const figures = { free, held, sold, 'off sale': withheld };
  const share = (part: number) => (part / total) * 100;
  return (
    <li>
      <div class="category-head">
        <h3>
          <i class={`chip area-${area}`} aria-hidden="true" /> {name}
        </h3>
        <b>{money(priceCents, report.currency)}</b>
      </div>
      <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        <rect class="bar-free" width="100" height="4" />
        <rect class="bar-sold" width={share(sold)} height="4" />
        <rect class="bar-held" x={share(sold)} width={share(held)} height="4" />
        <rect class="bar-off" x={100 - share(withheld)} width={share(withheld)} height="4" />
      </svg>
      <Figures figures={figures} class="" />
      <div class="category-forms">
        <NumberForm
          label={`Price of ${name}`}
          button="Change price"
          start={(priceCents / 100).toFixed(2)}
          step="0.01"
          max={100_000}
          save={async (value) => {
            const body = { priceCents: Math.round(value * 100) };
            await change('PUT', paths.organiser.price(report.event, sku), body);
            return `${name} costs ${money(body.priceCents, report.currency)} from now on.`;
          }}
        />
        <NumberForm
          label={`Seats on sale in ${name}`}
          button="Change capacity"
          start={String(total - withheld)}
          step="1"
          max={total}
          save={async (seats) => {
            const path = paths.organiser.capacity(report.event, sku);
            const answer = (await change('PUT', path, { seats })) as { seats: number };
            return `${answer.seats} seats of ${name} are on sale now.`;
          }}
        />
      </div>
    </li>
  );
}

type NumberFormProps = {
  label: string;
  button: string;
  start: string;
  step: string;
  max: number;
  save: (value: number) => Promise<string>;
};

function NumberForm({ label, button, start, step, max, save }: NumberFormProps) {
  const [text, setText] = useState<string | null>(null);
  const submit = (submission: Event) => {
    submission.preventDefault();
    void attempt(() => save(Number(text ?? start))).then((done) => done && setText(null));
  };
  return (
    <form onSubmit={submit}>
      <label>
        <span class="field-label">{label}</span>
        <input
          type="number"
          required
          min="0"
          max={max}
          step={step}
          value={text ?? start}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      </label>
      <button type="submit" class="button is-quiet" aria-label={`${button}: ${label}`}>
        {button}
      </button>
    </form>
  );
}
