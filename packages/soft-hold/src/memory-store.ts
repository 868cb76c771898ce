import type { Board, BoardCall, BoardReply, BoardStep, StepReader } from './board.ts';
import { sleep } from './deadline.ts';
import { PoolEngine } from './engine/pool-engine.ts';
import { PoolState } from './engine/pool-state.ts';
import { StockMismatchError } from './errors.ts';
import { unpackLines } from './items.ts';
import { joinSeq } from './keys.ts';
import { knownOptions } from './known-options.ts';
import { firstDifference, type StockLine } from './stock.ts';
import type {
  Decision,
  HoldStore,
  Ledger,
  LockedPool,
  Outcome,
  Sale,
  StoredPool,
  Transaction,
  Verdict,
  Where,
} from './store.ts';

/** Options of a `MemoryStore`. */
export type MemoryStoreOptions = {
  /** Time in ms, settable in tests; it never goes back. Default: `Date.now`. */
  clock?: () => number;
  /** Answers the queries of the caller's rows. Default: rejects, there is no database. */
  query?: Transaction['query'];
};

type MemoryPool = StoredPool & {
  state: PoolState;
  steps: BoardStep[];
  outcomes: Map<string, Sale & { outcome: Outcome }>;
};

const STEPS_KEPT = 5_000;
const POLL_MS = 5;
const POLLS = 400;
const noDatabase: Transaction['query'] = () =>
  Promise.reject(new Error('MemoryStore has no database: give it a `query` that answers'));

/**
 * A store and board in this process, for tests and for a sale that may end with it. Pools that share
 * the store share the stock, as processes share a database. Nothing outlives the process.
 */
export class MemoryStore implements HoldStore {
  readonly #clock: () => number;
  readonly #tx: Transaction;
  readonly #pools = new Map<string, MemoryPool>();

  /** @throws TypeError when an option is no function, or unknown */
  constructor(options: MemoryStoreOptions = {}) {
    knownOptions(options, { clock: true, query: true });
    for (const name of ['clock', 'query'] as const)
      if (options[name] !== undefined && typeof options[name] !== 'function')
        throw new TypeError(`Expected \`${name}\` to be a function, got ${String(options[name])}`);
    this.#clock = options.clock ?? Date.now;
    this.#tx = { query: options.query ?? noDatabase };
  }

  async migrate(): Promise<void> {}

  async open(pool: string, stock: StockLine[]): Promise<StoredPool> {
    const known = this.#pools.get(pool);
    if (known === undefined) {
      const state = new PoolState(stock);
      const own = { state, steps: [], outcomes: new Map() };
      this.#pools.set(pool, { epoch: 0, board: 'redis', paused: false, stock, ...own });
    } else {
      const different = firstDifference(stock, known.stock);
      if (different !== null) throw new StockMismatchError(pool, different);
    }
    return this.#of(pool);
  }

  async find(pool: string): Promise<StoredPool | null> {
    return this.#pools.get(pool) ?? null;
  }

  async where(pool: string): Promise<Where | null> {
    return this.#pools.get(pool) ?? null;
  }

  async setPaused(pool: string, paused: boolean): Promise<void> {
    this.#of(pool).paused = paused;
  }

  async decide(decision: Decision, work: (tx: Transaction) => Promise<void>): Promise<Verdict> {
    const { outcomes } = this.#of(decision.pool);
    const decided = () => outcomes.get(decision.id)?.outcome;
    const known = () => {
      const outcome = decided();
      return outcome === 'sold' ? 'already_sold' : (outcome ?? null);
    };
    const before = known();
    if (before !== null) return before;
    await work(this.#tx);
    // the caller's work took its time: others may have decided meanwhile
    const now = known();
    if (now !== null) return now;
    if (this.#of(decision.pool).epoch !== decision.epoch) return 'stale_epoch';
    outcomes.set(decision.id, { ...saleOf(decision), outcome: 'sold' });
    return 'sold';
  }

  async decideVoid(decision: Omit<Decision, 'epoch'>): Promise<Outcome> {
    const { outcomes } = this.#of(decision.pool);
    const known = outcomes.get(decision.id);
    if (known !== undefined) return known.outcome;
    outcomes.set(decision.id, { ...saleOf(decision), outcome: 'void' });
    return 'void';
  }

  async decideReturn(
    pool: string,
    id: string,
    work: (tx: Transaction) => Promise<void>,
  ): Promise<'returned' | 'already_returned' | null> {
    const { outcomes } = this.#of(pool);
    const answer = () => (outcomes.get(id)?.outcome === 'returned' ? 'already_returned' : null);
    if (outcomes.get(id)?.outcome !== 'sold') return answer();
    await work(this.#tx);
    const sale = outcomes.get(id);
    if (sale?.outcome !== 'sold') return answer();
    outcomes.set(id, { ...sale, outcome: 'returned' });
    return 'returned';
  }

  async outcome(pool: string, id: string): Promise<Outcome | null> {
    return this.#of(pool).outcomes.get(id)?.outcome ?? null;
  }

  async sale(pool: string, id: string): Promise<(Sale & { outcome: Outcome }) | null> {
    return this.#of(pool).outcomes.get(id) ?? null;
  }

  /** Nothing else runs in between, so there is no lock to wait for. */
  async locked<T>(pool: string, work: (locked: LockedPool) => Promise<T>): Promise<T> {
    const own = this.#of(pool);
    return work({
      ...{ epoch: own.epoch, board: own.board, paused: own.paused, stock: own.stock },
      advance: async (epoch, board) => {
        const ledger = this.#ledger(own);
        own.epoch = epoch;
        own.board = board;
        own.state = new PoolState(ledger.skus);
        own.state.epoch = epoch;
        return ledger;
      },
      fill: async (rows, now) => {
        for (const row of rows) own.state.put(row);
        own.state.paused = own.paused;
        own.state.now = now;
      },
      ledger: async () => this.#ledger(own),
      setTotal: async (sku, total) => own.state.setTotal(sku, total),
    });
  }

  async ledger(pool: string): Promise<Ledger> {
    return this.#ledger(this.#of(pool));
  }

  async journal(): Promise<void> {}
  async trimJournal(): Promise<void> {}
  async ping(): Promise<void> {}

  board(pool: string): Board {
    return {
      system: 'memory',
      run: async (call) => this.#run(pool, call),
      steps: () => this.#steps(pool),
    };
  }

  #run(pool: string, call: BoardCall): BoardReply {
    const { state, steps, board } = this.#of(pool);
    if (board !== 'store') return { ok: false, epoch: null, seq: 0 };
    const { reply, step } = PoolEngine.run(state, call, call.clock ?? this.#clock());
    if (step !== null) steps.push({ ...step, seq: joinSeq(state.epoch, state.seq) });
    if (steps.length > 2 * STEPS_KEPT) steps.splice(0, STEPS_KEPT);
    state.changes.clear();
    return reply;
  }

  #steps(pool: string): StepReader {
    let closed = false;
    return {
      read: async (seq) => {
        for (let poll = 0; poll < POLLS && !closed; poll++) {
          const steps = this.#of(pool).steps.filter((step) => step.seq > seq);
          if (steps.length > 0) return steps;
          await sleep(POLL_MS);
        }
        return [];
      },
      close: () => {
        closed = true;
      },
    };
  }

  #ledger({ stock, state, outcomes }: MemoryPool): Ledger {
    const sold = [...outcomes.values()].filter(({ outcome }) => outcome === 'sold');
    const units = new Map<string, number>();
    for (const { items } of sold)
      for (const { sku, quantity } of unpackLines(items))
        units.set(sku, (units.get(sku) ?? 0) + quantity);
    const open = [...state.rows.values()]
      .filter(({ s, id }) => (s === 'p' || s === 'c') && !outcomes.has(id))
      .map(({ created, expires, ...row }) => ({ ...row, createdAt: created, expiresAt: expires }));
    const skus = stock.map((line) => ({
      ...line,
      total: state.counts.get(line.sku)?.total ?? line.total,
      sold: units.get(line.sku) ?? 0,
      seatsSold: line.seats === null ? 0 : (units.get(line.sku) ?? 0),
    }));
    return { skus, sold, open };
  }

  #of(pool: string): MemoryPool {
    const known = this.#pools.get(pool);
    if (known === undefined) throw new Error(`pool ${pool} is not in the store`);
    return known;
  }
}

const saleOf = ({ id, holder, items, want }: Sale): Sale => ({ id, holder, items, want });
