import { unitsOf, unpackLines } from '../items.ts';
import { choose } from './choose.ts';
import type { PoolEngine } from './pool-engine.ts';
import { countedAs, type HoldRow, type PoolState, type StateLetter } from './pool-state.ts';

type Result = unknown[];
// biome-ignore lint/suspicious/noExplicitAny: each request brings its own arguments
type Operation = (engine: PoolEngine, ...args: any[]) => Result;

const held = (row: HoldRow, replayed: 0 | 1): Result => [
  ...['held', row.token, row.created, row.expires],
  ...[replayed, row.holder, row.items, row.want],
];
const asked = (row: HoldRow) => (row.want === '' ? row.items : row.want);

/** The hold that was meant, or the letter that says why there is none. */
function meant(engine: PoolEngine, id: string, token: string): HoldRow | '-' | '~' {
  const row = engine.alive(id);
  if (row === undefined) return '-';
  return token !== '' && row.token !== token && row.token !== '0' ? '~' : row;
}
const letterOf = (row: HoldRow | '-' | '~') => (typeof row === 'string' ? row : row.s);

function mayWait(engine: PoolEngine, items: string): boolean {
  const { state, rules } = engine;
  return (
    state.waiters.size < rules.places &&
    unpackLines(items).every(
      ({ sku, quantity, seats }) =>
        seats.length === 0 && quantity <= (state.counts.get(sku)?.total ?? 0),
    )
  );
}

function join(engine: PoolEngine, id: string, holder: string, items: string, want: string): Result {
  const { state } = engine;
  state.n += 1;
  const [created, due] = [state.now, state.n];
  state.put({ id, s: 'q', token: '0', created, expires: due, holder, items, want, due });
  engine.note('q', id, items);
  return ['queued', state.position(id)];
}

function flat(entries: Iterable<readonly [string, string | number]>): unknown[] {
  return [...entries].flat();
}
const countsOf = (state: PoolState) =>
  flat(
    [...state.counts].map(([sku, { free, held, sold, total }]) => [
      sku,
      `${free} ${held} ${sold} ${total}`,
    ]),
  );
const recordsOf = (rows: Iterable<HoldRow>) =>
  flat(
    [...rows].map((row) => [
      row.id,
      `${row.s} ${row.token} ${row.created} ${row.expires} ${row.holder} ${row.items}`,
    ]),
  );

/** The requests of script/pool-script.ts. */
export const OPERATIONS: Record<string, Operation> = {
  hold(engine, id: string, holder: string, items: string, flags: string) {
    const { state, rules } = engine;
    const partial = flags.includes('p');
    const want = partial ? `${items}!p` : items;
    const row = engine.alive(id);
    if (row !== undefined) {
      if (row.s === 't') return ['ended', 't'];
      if (row.holder !== holder || asked(row) !== want) return ['conflict'];
      if (countedAs(row.s) !== null) return held(row, 1);
      return row.s === 'q' ? ['queued', state.position(id)] : ['ended', row.s];
    }
    if (state.paused) return ['closed'];
    const choice = choose(state, rules, holder, items, { partial });
    if ('items' in choice) return held(engine.grant(id, holder, choice.items, want, rules.ttl), 0);
    if (flags.includes('q') && choice.refused[0] === 'sold_out' && mayWait(engine, items))
      return join(engine, id, holder, items, want === items ? '' : want);
    return choice.refused;
  },

  extend(engine, id: string, token: string, ms: number) {
    const { state, rules } = engine;
    const row = meant(engine, id, token);
    if (typeof row === 'string' || row.s !== 'p') return ['state', letterOf(row)];
    const to = Math.min(state.now + ms, row.created + rules.maxHold);
    if (to <= row.expires) return held(row, 0);
    const longer = { ...row, expires: to, due: to };
    state.put(longer);
    engine.note('x', id, row.items);
    return held(longer, 0);
  },

  // a new token, so that nobody can sell what the hold was before
  replace(engine, id: string, token: string, items: string) {
    const { state, rules } = engine;
    const row = meant(engine, id, token);
    const known = state.rows.get(id);
    const same = known?.s === 'p' && asked(known) === items;
    if (row === '~' && same) return held(known, 1);
    if (typeof row === 'string' || row.s !== 'p') return ['state', letterOf(row)];
    if (same) return held(row, 1);
    if (state.paused) return ['closed'];
    const own = {
      units: unitsOf(row.items),
      bySku: new Map(unpackLines(row.items).map(({ sku, quantity }) => [sku, quantity])),
    };
    state.put({ ...row, s: 'r' }); // as if it were over, to see what is possible then
    const choice = choose(state, rules, row.holder, items, { own });
    if ('refused' in choice) {
      state.put(row);
      state.freed.clear();
      return choice.refused;
    }
    engine.note('f', id, row.items);
    engine.note('p', id, choice.items);
    const swapped = {
      ...row,
      items: choice.items,
      want: choice.items === items ? '' : items,
      token: engine.nextToken(),
    };
    state.put(swapped);
    for (const { sku, quantity } of unpackLines(choice.items))
      if (quantity >= (own.bySku.get(sku) ?? 0)) state.freed.delete(sku);
    return held(swapped, 0);
  },

  release(engine, id: string, token: string) {
    const { state, rules } = engine;
    const row = meant(engine, id, token);
    const due = state.now + rules.replay;
    if (row === '-') {
      const nothing = { token: '0', created: state.now, expires: state.now, due };
      state.put({ id, s: 't', ...nothing, holder: '-', items: '-', want: '' });
      engine.note('t', id, '-');
      return ['state', '-'];
    }
    if (typeof row === 'string') return ['state', row];
    if (row.s === 'p') return ['state', 'r', engine.finish(row, 'r').token];
    if (row.s !== 'q') return ['state', row.s];
    state.put({ ...row, s: 'r', expires: state.now, due });
    engine.note('r', id, row.items);
    return ['state', 'r'];
  },

  begin(engine, id: string, token: string) {
    const { state, rules } = engine;
    const row = meant(engine, id, token);
    if (typeof row !== 'string' && row.s === 'p') {
      state.put({ ...row, s: 'c', due: state.now + rules.commit });
      engine.note('c', id, row.items);
    } else if (typeof row === 'string' || row.s !== 'c') return ['state', letterOf(row)];
    return ['committing', row.holder, row.items, row.want];
  },

  finish(engine, id: string, to: StateLetter) {
    const row = engine.state.rows.get(id);
    const s = row?.s ?? '-';
    const open = s === 'p' || s === 'c';
    const fits = { b: s === 's' || s === 'd', s: open || s === 'd', v: open }[
      to as 'b' | 's' | 'v'
    ];
    if (row !== undefined && fits) return ['ok', engine.finish(row, to).token];
    if (s === to || (to === 'v' && s !== 's' && s !== 'd') || (to === 's' && s === 'b'))
      return ['ok'];
    return ['wrong', s];
  },

  unsell(engine, id: string) {
    const { state, rules } = engine;
    const row = state.rows.get(id);
    if (row?.s === 's') {
      state.put({ ...row, s: 'd', due: state.now + rules.commit });
      engine.note('d', id, row.items);
    } else if (row?.s !== 'd') return ['state', row?.s ?? '-'];
    return ['returning'];
  },

  get(engine, id: string) {
    const row = engine.alive(id);
    if (row === undefined || row.s === 't') return ['none'];
    const { s, token, created, expires, holder, items } = row;
    const position = s === 'q' ? engine.state.position(id) : 0;
    return ['record', s, token, created, expires, holder, items, position];
  },

  look({ state }, seats: number) {
    return [countsOf(state), seats === 1 ? flat(state.owners) : 0, flat(state.waitingFor)];
  },

  work({ state, rules }) {
    const first = state.pending.first();
    const nextAt = first === undefined ? 0 : first.due + rules.grace;
    const pinned = state.pinned.first();
    const soonest = pinned !== undefined && (nextAt === 0 || pinned.due < nextAt);
    return [soonest ? pinned.due : nextAt, state.pinned.upTo(state.now, 32)];
  },

  dump({ state }) {
    const rows = (ids: Iterable<string>) =>
      [...ids].map((id) => state.rows.get(id)).filter((row) => row !== undefined);
    const open = recordsOf([...rows(state.pending.ids), ...rows(state.pinned.ids)]);
    const waiting = recordsOf(state.waiters.values());
    return [countsOf(state), flat(state.owners), flat(state.users), open, waiting];
  },

  total(engine, sku: string, total: number) {
    const count = engine.state.counts.get(sku);
    if (count === undefined) return ['unknown', sku];
    if (count.held + count.sold > total) return ['too_low', count.held + count.sold];
    if (count.total !== total) {
      engine.state.setTotal(sku, total);
      engine.touch();
    }
    return ['ok'];
  },

  pause(engine, on: number) {
    const { state } = engine;
    state.paused = on === 1;
    if (!state.paused) for (const sku of state.waitingFor.keys()) state.freed.add(sku);
    engine.touch();
    return ['ok'];
  },
};
