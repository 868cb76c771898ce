import { useRef, useState } from 'preact/hooks';
import { Desk } from '../desk/desk.tsx';
import { tell } from '../desk/notice.ts';
import { plural, seatName } from '../format.ts';
import {
  choose,
  clockTime,
  conflicts,
  connection,
  describe,
  device,
  events,
  expected,
  inside,
  isReachable,
  keeper,
  latest,
  list,
  nameDevice,
  type Outcome,
  pending,
  type Scan,
  scan,
  scans,
  slug,
} from './door.ts';
import { isKept } from './keep-page.ts';

const WORDS: Record<Outcome, { title: string; text: string }> = {
  admitted: { title: 'Come in', text: 'Genuine, and not used before.' },
  used: { title: 'Used already', text: 'Somebody has come in with this ticket.' },
  void: { title: 'Given back', text: 'The order was cancelled and its money returned.' },
  forged: { title: 'Not our ticket', text: 'The signature is not ours.' },
  other_event: { title: 'Another evening', text: 'Genuine, but for another event.' },
  'not-listed': {
    title: 'Ask somebody',
    text: 'Genuine, but not on this list: sold after the network went, or given back.',
  },
  unsupported: {
    title: 'Cannot check here',
    text: 'Without network, and without a list or the means to check a signature.',
  },
};

export function ScannerPage() {
  // opened without network, it knows the name in its address
  const choices =
    events.value.length > 0 ? events.value : [{ slug: slug.value, title: slug.value }];
  return (
    <Desk
      title="Scanner"
      staff="scanner"
      connection={connection}
      who={keeper}
      words={{ live: 'Online', lost: 'Offline' }}
    >
      <div class="section-head">
        <h1 class="desk-title">Who may come in</h1>
        <div class="door-settings">
          <label>
            <span class="field-label">Event</span>
            <select
              value={slug.value}
              onChange={({ currentTarget }) => choose(currentTarget.value)}
            >
              {choices.map(({ slug, title }) => (
                <option key={slug} value={slug}>
                  {title}
                </option>
              ))}
            </select>
          </label>
          <label>
            <span class="field-label">This door</span>
            <input
              value={device.value}
              maxLength={64}
              pattern="[\w .\-]+"
              onInput={({ currentTarget }) => nameDevice(currentTarget.value)}
            />
          </label>
        </div>
      </div>
      {!isReachable.value && (
        <p class="banner" role="status">
          <b>Without network.</b> Signatures are checked here, against the list of{' '}
          {list.value ? clockTime(list.value.serverNow) : 'no time at all'}.{' '}
          {plural(pending.value.length, 'admission')} will be told when it is back.
        </p>
      )}
      <div class="door">
        <div class="door-main">
          <ScanForm />
          <Verdict />
        </div>
        <aside class="door-side">
          <Counter />
          <Conflicts />
          <Log />
          {isKept.value && <p class="fine-print">This page opens without network too.</p>}
        </aside>
      </div>
    </Desk>
  );
}

/** A hand scanner types the code and presses Enter, as a keyboard does. */
function ScanForm() {
  const [code, setCode] = useState('');
  const [busy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const submit = async (submission: Event) => {
    submission.preventDefault();
    setBusy(true);
    await scan(code.trim()).catch((error: Error) => tell('problem', error.message));
    setBusy(false);
    setCode('');
    input.current?.focus();
  };
  return (
    <form class="card scan-form" onSubmit={(submission) => void submit(submission)}>
      <label>
        <span class="field-label">Ticket code</span>
        <input
          ref={input}
          class="mono"
          name="code"
          required
          autocomplete="off"
          spellcheck={false}
          placeholder="EK1.…"
          value={code}
          onInput={({ currentTarget }) => setCode(currentTarget.value)}
        />
      </label>
      <button type="submit" class="button is-primary is-large" disabled={busy}>
        {busy ? 'Checking…' : 'Check'}
      </button>
    </form>
  );
}

function Verdict() {
  const shown = latest.value;
  return (
    <div aria-live="assertive">
      {shown ? (
        <section class={`scan-verdict is-${tone(shown.outcome)}`} key={shown.id}>
          <span class="scan-glyph" aria-hidden="true">
            {{ good: '✓', bad: '✗', ask: '?' }[tone(shown.outcome)]}
          </span>
          <h2>{WORDS[shown.outcome].title}</h2>
          {shown.seat && <p class="scan-seat">{seatName(shown.seat)}</p>}
          <p>{WORDS[shown.outcome].text}</p>
          {shown.first && <p>First scanned: {shown.first}</p>}
          <small>
            {shown.isOffline ? 'Decided here, by signature and list' : 'Decided by the database'}
          </small>
        </section>
      ) : (
        <p class="muted scan-idle">Scan a ticket, or type its code.</p>
      )}
    </div>
  );
}

const tone = (outcome: Outcome) =>
  outcome === 'admitted'
    ? 'good'
    : outcome === 'not-listed' || outcome === 'unsupported'
      ? 'ask'
      : 'bad';

function Counter() {
  return (
    <dl class="card figures">
      <div>
        <dt>inside</dt>
        <dd data-inside={inside.value}>{inside.value.toLocaleString('en-GB')}</dd>
      </div>
      <div>
        <dt>tickets sold</dt>
        <dd>{expected.value.toLocaleString('en-GB')}</dd>
      </div>
      <div>
        <dt>not yet told</dt>
        <dd data-pending={pending.value.length}>{pending.value.length}</dd>
      </div>
    </dl>
  );
}

/** Whom two doors let in with one ticket while one of them had no network. */
function Conflicts() {
  if (conflicts.value.length === 0) return null;
  return (
    <section class="card conflicts" role="alert">
      <h2>{plural(conflicts.value.length, 'conflict')}</h2>
      <p>Let in here without network, although they should not have been:</p>
      <ul>
        {conflicts.value.map(({ id, seat, outcome, first }) => (
          <li key={id}>
            <b>{seat ? seatName(seat) : 'Unknown ticket'}</b>
            <span>
              {WORDS[outcome].title}
              {first && `: ${describe(first)}`}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Log() {
  return (
    <section class="card" aria-labelledby="log-title">
      <h2 id="log-title">At this door</h2>
      {scans.value.length === 0 && <p class="muted">Nobody yet.</p>}
      <ul class="scan-log">
        {scans.value.map((one: Scan) => (
          <li key={one.id}>
            <span class={`pill is-${tone(one.outcome)}`}>{WORDS[one.outcome].title}</span>
            <span>{one.seat ? seatName(one.seat) : '–'}</span>
            <time dateTime={one.at}>{clockTime(one.at)}</time>
          </li>
        ))}
      </ul>
    </section>
  );
}
