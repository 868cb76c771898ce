import { Connection } from '../connection.tsx';
import { Figures } from '../figures.tsx';
import { ChaosCards, SourceLink, SwitchRow } from './chaos.tsx';
import { Chart } from './chart.tsx';
import { events, samples, send, shop, state, verdict, verifying } from './room.ts';
import { BreakerStrip } from './strip.tsx';

export function ControlRoom() {
  return (
    <>
      <header class="header">
        <span class="brand">
          <span>Evenkeel</span> <b>Control room</b>
        </span>
        <Connection state={state.value} />
        {shop.value && (
          <a class="button is-quiet" href={shop.value} target="_blank" rel="noreferrer">
            To the shop
          </a>
        )}
      </header>
      <main id="main" class="control">
        <h1 class="visually-hidden">Control room</h1>
        {state.value === 'locked' ? <Locked /> : <Room />}
      </main>
    </>
  );
}

function Locked() {
  return (
    <section class="message card is-problem">
      <span class="message-glyph" aria-hidden="true">
        !
      </span>
      <h2>The control room opens to its token only</h2>
      <p>
        Who is in here may break the shop. <code>npm start -- --control</code> prints the address
        with the token in it; nothing of this exists in a shop that was started without.
      </p>
    </section>
  );
}

function Room() {
  return (
    <>
      <SwitchRow />
      <BreakerStrip />
      <Now />
      <div class="charts">
        <Chart
          title="How long an answer takes"
          unit="ms"
          lines={[
            { label: 'half of them (p50)', color: '--area-1', of: ({ http }) => http.p50Ms },
            {
              label: 'all but one in a hundred (p99)',
              color: '--accent',
              of: ({ http }) => http.p99Ms,
            },
          ]}
        />
        <Chart
          title="Requests"
          unit="/s"
          lines={[
            {
              label: 'answered',
              color: '--area-2',
              of: ({ http }) => http.perSecond - http.failedPerSecond,
            },
            { label: 'refused (4xx)', color: '--area-3', of: ({ http }) => http.refusedPerSecond },
            { label: 'failed (5xx)', color: '--problem', of: ({ http }) => http.failedPerSecond },
          ]}
        />
        <Chart
          title="Event pages, by who answered"
          unit="/s"
          lines={[
            { label: 'memory', color: '--area-1', of: ({ cache }) => cache.local },
            { label: 'Redis', color: '--area-0', of: ({ cache }) => cache.redis },
            { label: 'PostgreSQL', color: '--accent', of: ({ cache }) => cache.origin },
          ]}
        />
        <Chart
          title="Payments and mails in the queue"
          unit="jobs"
          lines={[
            { label: 'waiting', color: '--area-3', of: ({ queue }) => queue?.depth ?? null },
            { label: 'at work', color: '--area-0', of: ({ queue }) => queue?.running ?? null },
            {
              label: 'done a second',
              color: '--area-1',
              of: ({ queue }) => queue?.donePerSecond ?? null,
            },
          ]}
        />
        <Chart
          title="Calls to the providers"
          unit=""
          lines={[
            {
              label: 'under way',
              color: '--area-2',
              of: ({ breakers }) => breakers.reduce((sum, { inFlight }) => sum + inFlight, 0),
            },
            {
              label: 'spared by an open circuit, a second',
              color: '--accent',
              of: ({ breakers }) =>
                breakers.reduce((sum, { rejectedPerSecond }) => sum + rejectedPerSecond, 0),
            },
          ]}
        />
        <Chart
          title="Seats"
          unit=""
          lines={[
            { label: 'held', color: '--area-3', of: ({ holds }) => holds?.held ?? null },
            { label: 'sold', color: '--area-1', of: ({ holds }) => holds?.sold ?? null },
          ]}
        />
      </div>
      <ChaosCards />
      <div class="control-pair">
        <Verify />
        <div class="control-column">
          <Instances />
          <Events />
        </div>
      </div>
    </>
  );
}

const number = (value: number, digits = 0) =>
  value.toLocaleString('en-GB', { maximumFractionDigits: digits });

function Now() {
  const latest = samples.value.at(-1);
  if (!latest) return null;
  const { cache, queue, holds } = latest;
  const reads = cache.local + cache.redis + cache.origin;
  const share = (part: number) => (reads > 0 ? `${number((part / reads) * 100)} %` : '–');
  const figures = {
    'hit rate, memory': share(cache.local),
    'hit rate, Redis': share(cache.redis),
    'origin calls saved': cache.savedInAll,
    'seats held': holds?.held ?? '–',
    'jobs waiting': queue?.depth ?? '–',
    'tried again': queue?.retriesInAll ?? '–',
    'dead letters': queue?.deadInAll ?? '–',
  };
  return <Figures figures={figures} class="card figures" />;
}

const VERDICTS = {
  'is-genuine': '✓ 0 oversold. Every ticket is paid, every payment has its ticket.',
  'is-under-way':
    '✓ 0 oversold. Some payments are still under way: the rest agrees when the queue is empty.',
  'is-broken': '✗ Something was sold that should not have been.',
};

/** What must be zero must be so at any moment; two counts agree once nothing is under way between them. */
function soundness({ holds, proofs }: NonNullable<typeof verdict.value>): keyof typeof VERDICTS {
  if (holds) return 'is-genuine';
  const isSound = proofs.every(({ expected, holds }) => holds || expected > 0);
  return isSound ? 'is-under-way' : 'is-broken';
}

function Verify() {
  const result = verdict.value;
  return (
    <section class="card verify" aria-labelledby="verify-title">
      <div class="section-head">
        <h2 id="verify-title">Prove it</h2>
        <button
          type="button"
          class="button is-primary"
          disabled={verifying.value}
          onClick={() => send({ type: 'verify' })}
        >
          {verifying.value ? 'Counting…' : 'Verify by SQL'}
        </button>
      </div>
      <p class="muted">
        PostgreSQL counts what was sold, and the provider's books are held against it.
      </p>
      {result && (
        <>
          <p class={`verdict ${soundness(result)}`} role="status">
            {VERDICTS[soundness(result)]}
          </p>
          <table>
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col">Found</th>
                <th scope="col">Expected</th>
              </tr>
            </thead>
            <tbody>
              {result.proofs.map(({ what, found, expected, holds }) => (
                <tr key={what} class={holds ? '' : 'is-wrong'}>
                  <th scope="row">{what}</th>
                  <td>{number(found)}</td>
                  <td>
                    {number(expected)} {holds ? '✓' : '✗'}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          <p class="fine-print">
            The queries: <SourceLink file="launcher/verify-sale.ts" />
          </p>
        </>
      )}
    </section>
  );
}

function Instances() {
  return (
    <section class="card instances" aria-labelledby="instances-title">
      <h2 id="instances-title">Processes</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls where there are many */}
      <section class="table-frame instance-list" tabIndex={0} aria-label="Each process">
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Process</th>
              <th scope="col">Health</th>
              <th scope="col">Busy</th>
            </tr>
          </thead>
          <tbody>
            {samples.value.at(-1)?.instances.map(({ name, pid, state, loop }, index) => (
              <tr key={`${name} ${index}`}>
                <th scope="row">{name}</th>
                <td class="mono">{pid ?? '–'}</td>
                <td>
                  <span class={`pill is-${state.replace(' ', '-')}`}>{state}</span>
                </td>
                <td>{loop === null ? '–' : `${number(loop * 100)} %`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}

function Events() {
  return (
    <section class="card events" aria-labelledby="events-title">
      <h2 id="events-title">What happened</h2>
      {events.value.length === 0 && <p class="muted">Nothing yet. It is a calm evening.</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <div class="event-log" role="log" aria-labelledby="events-title" tabIndex={0}>
        <ol>
          {events.value
            .map(({ at, text, file, kind }) => (
              <li key={`${at} ${text}`} class={`is-${kind}`}>
                <time dateTime={new Date(at).toISOString()}>
                  {new Date(at).toLocaleTimeString('en-GB')}
                </time>
                <span>
                  {text} {file && <SourceLink file={file} />}
                </span>
              </li>
            ))
            .reverse()}
        </ol>
      </div>
    </section>
  );
}
