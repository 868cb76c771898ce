import type { Flight } from '../../src/flights.ts';
import { LocalEntry, LocalTier } from '../../src/local-tier.ts';
import { isNewer, type LogId, START } from '../../src/log-id.ts';
import type { Undelivered } from '../../src/undelivered.ts';

const KEYS = ['a', 'b'] as const;
type Key = (typeof KEYS)[number];
const TAG = 't';
const TIMES = { freshUntilMs: 1, staleUntilMs: 1, earlyAtMs: 1 };

interface Stored {
  readonly version: number;
  readonly asOf: LogId;
}

/** What the master does, in order; a replica has done the first so many. */
type Step =
  | { readonly kind: 'drop'; readonly key: Key; readonly id: LogId; readonly versions: Versions }
  | { readonly kind: 'tag'; readonly id: LogId; readonly versions: Versions }
  | {
      readonly kind: 'set';
      readonly key: Key;
      readonly id: LogId;
      readonly versions: Versions;
      readonly stored: Stored;
    }
  | { readonly kind: 'store'; readonly key: Key; readonly stored: Stored };

type Versions = Record<Key, number>;

type Read = {
  readonly key: Key;
  readonly flight: Flight;
  /** Of each caller: the version it may not see less of. */
  readonly floors: number[];
} & (
  | { at: 'near, asked' | 'near, missed' }
  | { at: 'near, answered' | 'master, answered'; stored: Stored | undefined }
  | { at: 'leased' | 'loaded'; asOf: LogId; token: number; version: number }
);

const twice = (move: () => void) => [move, move];

/**
 * A master, a replica that lags, a source, and one process that reads, moved on step by step in any
 * order. The process's part is the real one; servers and network are simulated. It throws when a
 * read gets a value older than the newest change its process knew of when the read began.
 */
export class SimulatedChain {
  readonly #local = new LocalTier(100, 100_000, { covers: () => false } as unknown as Undelivered);
  readonly #source: Versions = { a: 0, b: 0 };
  readonly #known: Versions = { a: 0, b: 0 };
  readonly #steps: Step[] = [];
  readonly #master = new Map<Key, Stored>();
  readonly #near = new Map<Key, Stored>();
  readonly #leases = new Map<Key, number>();
  #tagStamp: LogId = START;
  #nearTagStamp: LogId = START;
  #last: LogId = START;
  #replicated = 0;
  #heard = 0;
  #tokens = 0;
  readonly #reads = new Set<Read>();
  readonly #ownWrites: Extract<Step, { id: LogId }>[] = [];
  /** So many values were handed out by the local tier. */
  hits = 0;

  /** One move; `choice` picks among what is under way. */
  move(what: number, choice: number): void {
    const key = KEYS[choice % 2] as Key;
    const moves = [
      () => this.#change(key),
      () => this.#changeTag(),
      () => this.#set(key),
      () => this.#disconnect(),
      () => this.#goBack(choice),
      () => this.#ownChange(key, choice),
      () => this.#ownChange(key, choice),
      () => this.#ownChangeEnds(choice),
      ...twice(() => this.#replicate()),
      ...twice(() => this.#hear()),
      ...twice(() => this.#read(key)),
      ...twice(() => this.#read(key)),
      ...twice(() => this.#advance(choice)),
      ...twice(() => this.#advance(choice)),
      ...twice(() => this.#advance(choice)),
    ];
    moves[what % moves.length]?.();
  }

  #nextId(): LogId {
    this.#last = `${this.#steps.length + 1}-0`;
    return this.#last;
  }

  #change(key: Key): Extract<Step, { kind: 'drop' }> {
    this.#source[key]++;
    this.#master.delete(key);
    this.#leases.delete(key);
    const step = { kind: 'drop', key, id: this.#nextId(), versions: { ...this.#source } } as const;
    this.#steps.push(step);
    return step;
  }

  #set(key: Key): Extract<Step, { kind: 'set' }> {
    this.#source[key]++;
    this.#leases.delete(key);
    const id = this.#nextId();
    const stored = { version: this.#source[key], asOf: id };
    this.#master.set(key, stored);
    const step = { kind: 'set', key, id, versions: { ...this.#source }, stored } as const;
    this.#steps.push(step);
    return step;
  }

  /** The follower was away for so long that it must start over at the end of near's log. */
  #disconnect(): void {
    this.#heard = this.#replicated;
    this.#local.missed(this.#end(), START, false);
    this.#local.reached();
  }

  /** Near is replaced by a replica that is behind. */
  #goBack(choice: number): void {
    if (choice % 4 !== 0) return; // seldom
    this.#replicated = Math.floor((this.#replicated * (choice % 97)) / 97);
    this.#near.clear();
    this.#nearTagStamp = START;
    for (const step of this.#steps.slice(0, this.#replicated)) this.#apply(step);
    const end = this.#end();
    const reset = isNewer(this.#local.cursor, end);
    if (this.#heard <= this.#replicated && !reset) return; // nothing to notice
    this.#heard = this.#replicated;
    this.#local.missed(end, START, reset);
    this.#local.reached();
  }

  /** The newest id that near has. */
  #end(): LogId {
    for (const step of this.#steps.slice(0, this.#replicated).reverse()) {
      if (step.kind !== 'store') return step.id;
    }
    return START;
  }

  #changeTag(): Extract<Step, { kind: 'tag' }> {
    for (const key of KEYS) this.#source[key]++;
    const id = this.#nextId();
    this.#tagStamp = id;
    const step = { kind: 'tag', id, versions: { ...this.#source } } as const;
    this.#steps.push(step);
    return step;
  }

  #ownChange(key: Key, choice: number): void {
    if (choice % 3 === 0) {
      this.#ownWrites.push(this.#changeTag());
      return;
    }
    this.#local.changing(key);
    this.#ownWrites.push(choice % 3 === 1 ? this.#set(key) : this.#change(key));
  }

  /** The master's answer to an own change arrives. */
  #ownChangeEnds(choice: number): void {
    const [step] = this.#ownWrites.splice(choice % Math.max(1, this.#ownWrites.length), 1);
    if (step === undefined) return;
    if (step.kind === 'drop') {
      this.#local.changed(step.key, step.id);
      this.#knows(step.key, step.versions);
    } else if (step.kind === 'set') {
      const { version, asOf } = step.stored;
      const entry = { value: version, asOf, tags: [TAG], length: 1 };
      this.#local.wrote(step.key, new LocalEntry(entry, TIMES));
      this.#knows(step.key, step.versions);
    } else {
      this.#local.tagsChanged([TAG], step.id);
      for (const key of KEYS) this.#knows(key, step.versions);
    }
  }

  #knows(key: Key, versions: Versions): void {
    this.#known[key] = Math.max(this.#known[key], versions[key]);
  }

  #replicate(): void {
    const step = this.#steps[this.#replicated];
    if (step === undefined) return;
    this.#replicated++;
    this.#apply(step);
  }

  #apply(step: Step): void {
    if (step.kind === 'drop') this.#near.delete(step.key);
    else if (step.kind === 'tag') this.#nearTagStamp = step.id;
    else this.#near.set(step.key, step.stored);
  }

  #hear(): void {
    while (this.#heard < this.#replicated) {
      const step = this.#steps[this.#heard++];
      if (step === undefined || step.kind === 'store') continue;
      const { id } = step;
      const previous = this.#local.cursor;
      if (step.kind !== 'tag') {
        const op = step.kind === 'drop' ? 'd' : 's';
        this.#local.heard({ id, previous, op, key: step.key });
        this.#knows(step.key, step.versions);
      } else {
        this.#local.heard({ id, previous, op: 't', key: JSON.stringify([TAG]) });
        for (const key of KEYS) this.#knows(key, step.versions);
      }
      this.#local.reached();
      return;
    }
  }

  #read(key: Key): void {
    const entry = this.#local.valid(key);
    if (entry !== undefined) {
      this.hits++;
      this.#check(key, entry.value as number, this.#known[key], 'the local tier');
      return;
    }
    const joined = this.#local.flights.get(key);
    if (joined !== undefined) {
      for (const read of this.#reads)
        if (read.flight === joined) read.floors.push(this.#known[key]);
      return;
    }
    const flight = this.#local.flights.begin(key, this.#local.fences);
    this.#reads.add({ key, flight, floors: [this.#known[key]], at: 'near, asked' });
  }

  #check(key: Key, version: number, floor: number, from: string): void {
    if (version < floor) throw new Error(`${from} gave ${key} ${version}, known was ${floor}`);
  }

  /** One of the reads under way goes one step on. */
  #advance(choice: number): void {
    const read = [...this.#reads][choice % Math.max(1, this.#reads.size)];
    if (read === undefined) return;
    this.#reads.delete(read);
    const next = this.#next(read);
    if (next !== undefined) this.#reads.add(next);
  }

  #next(read: Read): Read | undefined {
    const { key, flight, floors } = read;
    const base = { key, flight, floors };
    switch (read.at) {
      case 'near, asked':
        return { ...base, at: 'near, answered', stored: this.#near.get(key) };
      case 'near, answered': {
        const { stored } = read;
        const usable = stored !== undefined && this.#usable(read, stored.asOf);
        return usable
          ? this.#answer(read, stored as Stored, 'near')
          : { ...base, at: 'near, missed' };
      }
      case 'near, missed': {
        const stored = this.#master.get(key);
        if (stored !== undefined && !isNewer(this.#tagStamp, stored.asOf)) {
          return { ...base, at: 'master, answered', stored };
        }
        if (this.#leases.has(key)) return read;
        this.#leases.set(key, ++this.#tokens);
        return { ...base, at: 'leased', asOf: this.#last, token: this.#tokens, version: 0 };
      }
      case 'master, answered':
        return this.#answer(read, read.stored as Stored, 'the master');
      case 'leased': {
        return { ...read, at: 'loaded', version: this.#source[key] };
      }
      case 'loaded': {
        const stored = { version: read.version, asOf: read.asOf };
        this.#answer(read, stored, 'the loader');
        if (this.#leases.get(key) !== read.token) {
          this.#local.refused(key, read.asOf);
        } else {
          this.#leases.delete(key);
          if (!isNewer(this.#tagStamp, read.asOf)) {
            this.#master.set(key, stored);
            this.#steps.push({ kind: 'store', key, stored });
          }
        }
      }
    }
    return undefined;
  }

  /** As the resolver does it, which asks near for the stamps that are not known. */
  #usable({ key, flight }: Read, asOf: LogId): boolean {
    if (!flight.mayUse(asOf)) return false;
    const verdict = this.#local.check(key, asOf, [TAG]);
    return verdict === 'valid' || (verdict === 'unknown' && !isNewer(this.#nearTagStamp, asOf));
  }

  #answer(read: Read, { version, asOf }: Stored, from: string): undefined {
    const { key, flight, floors } = read;
    const entry = { value: version, asOf, tags: [TAG], length: 1 };
    this.#local.fill(flight, new LocalEntry(entry, TIMES));
    this.#local.flights.end(flight);
    for (const floor of floors) this.#check(key, version, floor, from);
    return undefined;
  }
}
