import type { Board, BoardCall, BoardReply, BoardStep, StepReader } from './board.ts';
import { sleep } from './deadline.ts';
import { type EngineStep, PoolEngine } from './engine/pool-engine.ts';
import { type HoldRow, PoolState } from './engine/pool-state.ts';
import { joinSeq } from './keys.ts';
import type { Ending } from './postgres-transaction.ts';
import type { StockLine } from './stock.ts';
import type { Transaction } from './store.ts';

type Run = <T>(work: (tx: Transaction) => Promise<Ending<T>>) => Promise<T>;
type Waiting = {
  call: BoardCall;
  resolve: (reply: BoardReply) => void;
  reject: (error: unknown) => void;
};
type PoolRow = {
  epoch: string;
  board: string;
  seq: string;
  grants: string;
  clock: string;
  totals: string;
  paused: boolean;
  now: string;
};

const STEPS_KEPT = 5_000;
const POLL_MS = 50;
const POLLS = 40;
const COLUMNS =
  'hold_id, state, token, created_at, expires_at, holder, items, want, due_at' as const;

/**
 * The board in PostgreSQL. A process keeps a copy of the pool, and each transaction locks the pool's
 * row, reads what others have changed since, decides a whole batch in memory, and writes what it
 * changed. All calls that come while one transaction is under way share the next. So a batch costs
 * five short statements however many requests are in it.
 */
export class PostgresBoard implements Board {
  readonly system = 'postgres';
  readonly #run: Run;
  readonly #schema: string;
  readonly #pool: string;
  #state: PoolState | null = null;
  #totals = 0;
  #queue: Waiting[] = [];
  #working = false;

  /** @param run runs a transaction and ends it as told */
  constructor(run: Run, schema: string, pool: string) {
    this.#run = run;
    this.#schema = schema;
    this.#pool = pool;
  }

  run(call: BoardCall): Promise<BoardReply> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ call, resolve, reject });
      if (!this.#working) void this.#work();
    });
  }

  steps(): StepReader {
    return new PostgresSteps(this.#run, this.#schema, this.#pool);
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      try {
        const replies = await this.#run((tx) => this.#decide(tx, batch));
        batch.forEach(({ resolve }, i) => {
          resolve(replies[i] as BoardReply);
        });
      } catch (error) {
        this.#state = null; // it may be ahead of what stands
        for (const { reject } of batch) reject(error);
      }
    }
    this.#working = false;
  }

  async #decide(tx: Transaction, batch: readonly Waiting[]): Promise<Ending<BoardReply[]>> {
    const { rows } = await tx.query<PoolRow>(
      `SELECT epoch, board, seq, grants, clock, totals, paused,
              floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now
         FROM ${this.#schema}.pool WHERE pool = $1 FOR UPDATE`,
      [this.#pool],
    );
    const row = rows[0];
    if (row === undefined || row.board !== 'store') {
      const lost: BoardReply = { ok: false, epoch: null, seq: 0 };
      return { commit: false, value: batch.map(() => lost) };
    }
    const state = await this.#catchUp(tx, row);
    const before = { seq: state.seq, paused: state.paused };
    const totals = new Map([...state.counts].map(([sku, { total }]) => [sku, total]));
    const steps: (EngineStep & { seq: number })[] = [];
    const replies = batch.map(({ call }) => {
      const { reply, step } = PoolEngine.run(state, call, call.clock ?? Number(row.now));
      if (step !== null) steps.push({ ...step, seq: state.seq });
      return reply;
    });
    if (state.seq === before.seq) return { commit: false, value: replies };
    await this.#write(tx, state, steps);
    const changed = [...state.counts].filter(([sku, { total }]) => total !== totals.get(sku));
    if (changed.length > 0) this.#totals += 1;
    for (const [sku, { total }] of changed) {
      await tx.query(`UPDATE ${this.#schema}.sku SET total = $3 WHERE pool = $1 AND sku = $2`, [
        this.#pool,
        sku,
        total,
      ]);
    }
    await tx.query(
      `UPDATE ${this.#schema}.pool SET seq = $2, grants = $3, clock = $4, paused = $5, totals = $6
        WHERE pool = $1`,
      [this.#pool, state.seq, state.n, state.now, state.paused, this.#totals],
    );
    return { commit: true, value: replies };
  }

  /** This process's copy, as new as the locked row says. */
  async #catchUp(tx: Transaction, row: PoolRow): Promise<PoolState> {
    let state = this.#state;
    const [epoch, seq] = [Number(row.epoch), Number(row.seq)];
    if (state === null || state.epoch !== epoch || state.seq > seq) {
      const { rows } = await tx.query<StockLine>(
        `SELECT sku, total, seats, map FROM ${this.#schema}.sku WHERE pool = $1 ORDER BY sku COLLATE "C"`,
        [this.#pool],
      );
      state = new PoolState(rows);
      state.epoch = epoch;
      state.seq = -1;
      this.#totals = Number(row.totals);
    }
    this.#state = state;
    if (Number(row.totals) !== this.#totals) {
      const { rows } = await tx.query<StockLine>(
        `SELECT sku, total FROM ${this.#schema}.sku WHERE pool = $1`,
        [this.#pool],
      );
      for (const { sku, total } of rows) state.setTotal(sku, total);
      this.#totals = Number(row.totals);
    }
    if (state.seq < seq) {
      const { rows } = await tx.query(
        `SELECT ${COLUMNS} FROM ${this.#schema}.hold WHERE pool = $1 AND seq > $2`,
        [this.#pool, state.seq],
      );
      state.putAll(
        rows.map((hold) => {
          const [created, expires] = [Number(hold.created_at), Number(hold.expires_at)];
          const { hold_id: id, state: s, token, holder, items, want, due_at } = hold;
          return { id, s, token, created, expires, holder, items, want, due: Number(due_at) };
        }),
      );
    }
    state.seq = seq;
    state.n = Number(row.grants);
    state.now = Number(row.clock);
    state.paused = row.paused;
    state.changes.clear();
    state.dirty.clear();
    state.freed.clear();
    return state;
  }

  async #write(
    tx: Transaction,
    state: PoolState,
    steps: readonly (EngineStep & { seq: number })[],
  ): Promise<void> {
    const changed = [...state.changes.values()].filter((row) => row !== null);
    const forgotten = [...state.changes].filter(([, row]) => row === null).map(([id]) => id);
    if (changed.length > 0) await insertHolds(tx, this.#schema, this.#pool, changed, state.seq);
    if (forgotten.length > 0)
      await tx.query(`DELETE FROM ${this.#schema}.hold WHERE pool = $1 AND hold_id = ANY($2)`, [
        this.#pool,
        forgotten,
      ]);
    const seqs = steps.map(({ seq }) => joinSeq(state.epoch, seq));
    await tx.query(
      `INSERT INTO ${this.#schema}.step (pool, seq, counts, log)
       SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::text[])`,
      [this.#pool, seqs, steps.map(({ counts }) => counts), steps.map(({ log }) => log)],
    );
    if (seqs.some((seq) => seq % 500 === 0))
      await tx.query(`DELETE FROM ${this.#schema}.step WHERE pool = $1 AND seq < $2`, [
        this.#pool,
        joinSeq(state.epoch, state.seq) - STEPS_KEPT,
      ]);
  }
}

/** Writes holds, new and changed, in one statement. */
export async function insertHolds(
  tx: Transaction,
  schema: string,
  pool: string,
  rows: readonly HoldRow[],
  seq: number,
): Promise<void> {
  const column = (pick: (row: HoldRow) => string | number) => rows.map(pick);
  await tx.query(
    `INSERT INTO ${schema}.hold (pool, seq, ${COLUMNS})
     SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[],
                                  $8::text[], $9::text[], $10::text[], $11::bigint[])
     ON CONFLICT (pool, hold_id) DO UPDATE SET seq = EXCLUDED.seq, state = EXCLUDED.state,
       token = EXCLUDED.token, created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at,
       holder = EXCLUDED.holder, items = EXCLUDED.items, want = EXCLUDED.want, due_at = EXCLUDED.due_at`,
    [
      pool,
      seq,
      column(({ id }) => id),
      column(({ s }) => s),
      column(({ token }) => token),
      column(({ created }) => created),
      column(({ expires }) => expires),
      column(({ holder }) => holder),
      column(({ items }) => items),
      column(({ want }) => want),
      column(({ due }) => due),
    ],
  );
}

/** The steps of the board, asked for every 50 ms while somebody listens. */
class PostgresSteps implements StepReader {
  readonly #run: Run;
  readonly #schema: string;
  readonly #pool: string;
  #closed = false;

  constructor(run: Run, schema: string, pool: string) {
    this.#run = run;
    this.#schema = schema;
    this.#pool = pool;
  }

  async read(seq: number): Promise<BoardStep[]> {
    for (let poll = 0; poll < POLLS && !this.#closed; poll++) {
      const steps = await this.#run<BoardStep[]>(async (tx) => {
        const { rows } = await tx.query(
          `SELECT seq::float8, counts, log FROM ${this.#schema}.step
            WHERE pool = $1 AND seq > $2 ORDER BY seq LIMIT 256`,
          [this.#pool, seq],
        );
        return { commit: false, value: rows };
      });
      if (steps.length > 0) return steps;
      await sleep(POLL_MS);
    }
    return [];
  }

  close(): void {
    this.#closed = true;
  }
}
