import type { Switches } from '../../../launcher/control-messages.ts';
import { active, cards, problem, send, switches } from './room.ts';

/** A button for everything that goes wrong in a real night. */
export function ChaosCards() {
  return (
    <section aria-labelledby="chaos-title">
      <div class="section-head">
        <h2 id="chaos-title">Break something</h2>
        <button
          type="button"
          class="button is-quiet"
          disabled={active.value.length === 0}
          onClick={() => send({ type: 'heal' })}
        >
          Take everything back
        </button>
      </div>
      {problem.value && (
        <p class="form-failure" role="alert">
          {problem.value}
        </p>
      )}
      <ul class="chaos">
        {cards.value.map(({ name, title, package: pack, caption, file }) => {
          const isOn = active.value.includes(name);
          return (
            <li key={name} class={`card ${isOn ? 'is-on' : ''}`}>
              <span class="package">{pack}</span>
              <h3>{title}</h3>
              <p>{caption}</p>
              <p class="fine-print">
                Handled in <SourceLink file={file} />
              </p>
              <button
                type="button"
                class={`button ${isOn ? '' : 'is-danger'}`}
                onClick={() => send({ type: 'chaos', name })}
              >
                {isOn ? 'Under way: again' : title}
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

export function SourceLink({ file }: { file: string }) {
  return (
    <a class="mono" href={`/control/source/${file}`} target="_blank" rel="noreferrer">
      {file}
    </a>
  );
}

const SWITCHES: { name: keyof Switches; title: string; on: string; off: string }[] = [
  {
    name: 'visitors',
    title: 'Visitors',
    on: '60 look at an event page each second, 2 buy.',
    off: 'Nobody is here but you.',
  },
  {
    name: 'breaker',
    title: 'Circuit breakers',
    on: 'A sick provider is given a rest, jobs wait in Kafka.',
    off: 'Every call is made, and held until it times out.',
  },
  {
    name: 'cache',
    title: 'Cache',
    on: 'Event pages come from memory or Redis.',
    off: 'Every reader asks PostgreSQL.',
  },
];

/** With and without: turn one off, break something, and look at the charts. */
export function SwitchRow() {
  return (
    <section class="card switches" aria-label="With and without">
      {SWITCHES.map(({ name, title, on, off }) => {
        const isOn = switches.value[name];
        return (
          <button
            key={name}
            type="button"
            role="switch"
            aria-checked={isOn}
            class="switch"
            onClick={() => send({ type: 'switch', name, isOn: !isOn })}
          >
            <span class="switch-track" aria-hidden="true">
              <i />
            </span>
            <span>
              <b>
                {title} {isOn ? 'on' : 'off'}
              </b>
              <small>{isOn ? on : off}</small>
            </span>
          </button>
        );
      })}
    </section>
  );
}
