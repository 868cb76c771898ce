import type { BoardCall, BoardReply, BoardRequest } from '../board.ts';
import { unpackLines } from '../items.ts';
import { choose } from './choose.ts';
import { OPERATIONS } from './operations.ts';
import type { Count, HoldRow, PoolState, StateLetter } from './pool-state.ts';
import { type Rules, readRules } from './rules.ts';

const EPOCH = 2 ** 32;
const PROMOTE_MOST = 1_000;

/** What a run changed, for the feed. */
export type EngineStep = { counts: string; log: string };

/**
 * One call on a pool, decided in this process: the pool script in TypeScript, for the boards that
 * are not Redis. It keeps no time and stores nothing; the state tells what changed.
 */
export class PoolEngine {
  readonly state: PoolState;
  readonly rules: Rules;
  readonly promoted: unknown[][] = [];
  readonly #log: string[] = [];
  #touched = false;

  constructor(state: PoolState, settings: string) {
    this.state = state;
    this.rules = readRules(settings);
  }

  /** @param clock the time to go by; it never goes back */
  static run(
    state: PoolState,
    call: BoardCall,
    clock: number,
  ): { reply: BoardReply; step: EngineStep | null } {
    if (call.epoch !== state.epoch || state.seq < call.leastSeq)
      return { reply: { ok: false, epoch: state.epoch, seq: state.seq }, step: null };
    const engine = new PoolEngine(state, call.settings);
    state.now = Math.max(state.now, clock);
    return engine.#run(call.requests);
  }

  #run(requests: readonly BoardRequest[]): { reply: BoardReply; step: EngineStep | null } {
    const { state } = this;
    const more = this.#sweep();
    const results = requests.map(([name, ...args]) => {
      const result = (OPERATIONS[name as string] as (typeof OPERATIONS)[string])(this, ...args);
      this.#promote();
      return result;
    });
    let step: EngineStep | null = null;
    if (this.#touched) {
      state.seq += 1;
      const counts = [...state.dirty].map((sku) => {
        const { free, held, sold, total } = state.counts.get(sku) as Count;
        return `${sku} ${free} ${held} ${sold} ${total}`;
      });
      step = { counts: counts.join(';'), log: this.#log.join('\n') };
    }
    state.dirty.clear();
    const { seq, now } = state;
    return { reply: { ok: true, seq, now, more, promoted: this.promoted, results }, step };
  }

  note(kind: string, id: string, items: string): void {
    this.#touched = true;
    // the feed tells holds that ran out, offers, and seats; all else is in the counts
    if (kind === 'e' || kind === 'o' || items.includes('@'))
      this.#log.push(`${kind} ${id} ${items}`);
  }

  touch(): void {
    this.#touched = true;
  }

  nextToken(): string {
    this.state.n += 1;
    return String(this.state.epoch * EPOCH + this.state.n);
  }

  /** Ends what is pending, committing or being returned, or unsells what is sold. */
  finish(row: HoldRow, s: StateLetter): HoldRow {
    const due = Math.max(this.state.now, row.expires) + this.rules.replay;
    const ended = { ...row, s, due };
    this.state.put(ended);
    this.note(s, row.id, row.items);
    return ended;
  }

  /** The row as of now: a pending hold past its grace has expired, swept or not. */
  alive(id: string): HoldRow | undefined {
    const row = this.state.rows.get(id);
    if (row?.s === 'p' && row.expires + this.rules.grace <= this.state.now)
      return this.finish(row, 'e');
    return row;
  }

  grant(id: string, holder: string, items: string, want: string, ms: number): HoldRow {
    const { now } = this.state;
    const [token, expires] = [this.nextToken(), now + ms];
    const row: HoldRow = {
      ...{ id, s: 'p', token, created: now, expires, holder, items, due: expires },
      want: want === items ? '' : want,
    };
    this.state.put(row);
    this.note('p', id, items);
    return row;
  }

  #sweep(): boolean {
    const { state, rules } = this;
    const due = state.pending.upTo(state.now - rules.grace, rules.sweep);
    for (const id of due) this.alive(id);
    for (const id of state.ended.upTo(state.now, rules.sweep)) {
      // what is sold is counted by its row
      if (state.rows.get(id)?.s !== 's') state.forget(id);
      else state.ended.delete(id);
    }
    this.#promote();
    return due.length === rules.sweep;
  }

  /** The waiting list, see script/waiting.ts. */
  #promote(): void {
    const { state } = this;
    const freed = [...state.freed];
    state.freed.clear();
    if (state.waiters.size === 0 || state.paused) return;
    const open = new Set(
      freed.filter((sku) => (state.counts.get(sku)?.free ?? 0) > 0 && state.waitingFor.has(sku)),
    );
    const blocked = new Set<string>();
    const waiters = [...state.waiters.values()].sort((a, b) => a.due - b.due);
    for (const row of waiters.slice(0, PROMOTE_MOST)) {
      if (open.size === 0) break;
      const lines = unpackLines(row.items);
      if (!lines.some(({ sku }) => open.has(sku))) continue;
      const granted = lines.some(({ sku }) => blocked.has(sku)) ? 'held back' : this.#offer(row);
      for (const { sku, quantity } of lines) {
        const count = state.counts.get(sku);
        const never = granted === 'sold_out' && quantity > (count?.total ?? 0);
        if (granted === 'held back' || (granted === 'sold_out' && !never)) blocked.add(sku);
        if (blocked.has(sku) || (count?.free ?? 0) <= 0 || !state.waitingFor.has(sku))
          open.delete(sku);
      }
    }
    state.freed.clear();
  }

  #offer(waiter: HoldRow): string {
    const { id, holder, items, want } = waiter;
    const partial = want.endsWith('!p');
    const choice = choose(this.state, this.rules, holder, items, { partial, first: true });
    if ('refused' in choice) return String(choice.refused[0]);
    const asked = want === '' ? items : want;
    const offer = this.grant(id, holder, choice.items, asked, this.rules.offer);
    const { token, created, expires } = offer;
    this.promoted.push([id, token, created, expires, holder, offer.items, offer.want]);
    this.note('o', id, offer.items);
    return 'granted';
  }
}
