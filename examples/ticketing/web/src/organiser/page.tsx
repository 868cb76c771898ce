import { useState } from 'preact/hooks';
import { paths } from '../../../addresses.ts';
import type { SaleReport } from '../../../contract.ts';
import { Desk } from '../desk/desk.tsx';
import { attempt } from '../desk/notice.ts';
import { Figures } from '../figures.tsx';
import { money, plural } from '../format.ts';
import { Categories } from './categories.tsx';
import { audit, change, choose, events, live, pace, report, slug } from './sale.ts';
import { Stuck } from './stuck.tsx';

export function OrganiserPage() {
  return (
    <Desk title="Organiser" staff="organiser" connection={live.connection}>
      <div class="section-head">
        <h1 class="desk-title">{report.value?.title ?? 'The sale'}</h1>
        <label class="event-choice">
          <span class="visually-hidden">Event</span>
          <select value={slug.value} onChange={({ currentTarget }) => choose(currentTarget.value)}>
            {events.value.map(({ slug, title, city }) => (
              <option key={slug} value={slug}>
                {title}, {city} ({slug})
              </option>
            ))}
          </select>
        </label>
      </div>
      {report.value ? <Sale report={report.value} /> : <p class="muted">Counting…</p>}
    </Desk>
  );
}

function Sale({ report }: { report: SaleReport }) {
  return (
    <>
      <Now report={report} />
      <Controls report={report} key={report.event} />
      <Categories report={report} />
      <Stuck />
      <Audit />
    </>
  );
}

function Now({ report }: { report: SaleReport }) {
  const sum = (of: 'sold' | 'held' | 'free') =>
    report.counts.reduce((total, count) => total + count[of], 0);
  const { currency, paidCents, refundedCents, room, orders, ticketsLastMinute } = report;
  const figures = {
    sold: sum('sold'),
    held: sum('held'),
    free: sum('free'),
    ...(room && { waiting: room.waiting }),
    taken: money(paidCents, currency),
    returned: money(refundedCents, currency),
    'orders being paid': orders.processing ?? 0,
  };
  return (
    <section class="card sale-now" aria-label="The sale now">
      <Figures figures={figures} />
      <Pace lastMinute={ticketsLastMinute} />
    </section>
  );
}

const SECONDS = 120;

/** Tickets sold in each of the last two minutes' seconds, as bars. */
function Pace({ lastMinute }: { lastMinute: number }) {
  const most = Math.max(4, ...pace.value);
  const now = pace.value.at(-1) ?? 0;
  return (
    <div class="pace">
      <p>
        <b>{now}</b> sold in this second, {plural(lastMinute, 'ticket')} in the last minute
      </p>
      <svg
        viewBox={`0 0 ${SECONDS} 40`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Sales per second over the last two minutes, ${most} at most`}
      >
        <rect class="pace-ground" y="39.5" width={SECONDS} height="0.5" />
        {pace.value.map((sold, index) =>
          sold === 0 ? null : (
            <rect
              key={index}
              class="pace-bar"
              x={SECONDS - pace.value.length + index + 0.15}
              width="0.7"
              y={39 - (sold / most) * 38}
              height={(sold / most) * 38}
            />
          ),
        )}
      </svg>
    </div>
  );
}

function Controls({ report }: { report: SaleReport }) {
  const { event, paused, admitPerSecond, room } = report;
  const [rate, setRate] = useState(String(admitPerSecond));
  const pause = () =>
    attempt(async () => {
      await change('PUT', paths.organiser.sale(event), { paused: !paused });
      return paused ? 'The sale goes on.' : 'The sale is paused. What is held can still be bought.';
    });
  const setPace = (submission: Event) => {
    submission.preventDefault();
    void attempt(async () => {
      const body = { paused, admitPerSecond: Number(rate) };
      await change('PUT', paths.organiser.sale(event), body);
      return `The waiting room lets ${rate} people in each second from now on.`;
    });
  };
  return (
    <section class="card controls" aria-label="Steering">
      <div>
        <span class={`pill ${paused ? 'is-bad' : 'is-good'}`} role="status">
          {paused ? 'paused' : 'selling'}
        </span>
        <button
          type="button"
          class={`button ${paused ? 'is-primary' : ''}`}
          onClick={() => void pause()}
        >
          {paused ? 'Resume the sale' : 'Pause the sale'}
        </button>
      </div>
      {room ? (
        <form onSubmit={setPace}>
          <p class="muted">
            {room.waiting.toLocaleString('en-GB')} wait, {room.active.toLocaleString('en-GB')} are
            choosing, {room.pacePerSecond.toFixed(1)} come in a second
          </p>
          <label>
            <span class="field-label">People let in a second</span>
            <input
              type="number"
              min="1"
              max="10000"
              required
              value={rate}
              onInput={({ currentTarget }) => setRate(currentTarget.value)}
            />
          </label>
          <button type="submit" class="button">
            Set the pace
          </button>
        </form>
      ) : (
        <p class="muted">This event has no waiting room.</p>
      )}
    </section>
  );
}

function Audit() {
  return (
    <section class="card" aria-labelledby="audit-title">
      <h2 id="audit-title">Who did what</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways on a phone */}
      <section class="table-frame" tabIndex={0} aria-label="The latest entries">
        <table>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">What</th>
              <th scope="col">Of what</th>
              <th scope="col">Details</th>
            </tr>
          </thead>
          <tbody>
            {audit.value.map(({ id, at, action, subject, details }) => (
              <tr key={id}>
                <td>{new Date(at).toLocaleTimeString('en-GB')}</td>
                <td>{action}</td>
                <td class="mono">{subject}</td>
                <td class="mono">{JSON.stringify(details)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}
