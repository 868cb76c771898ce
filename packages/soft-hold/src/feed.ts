import type { Board, StepReader } from './board.ts';
import { sleep } from './deadline.ts';
import type { HoldPoolEvents } from './emitter.ts';
import { unpackLines } from './items.ts';
import type { Change, SeatState } from './types.ts';

const RETRY_MS = 200;

type Emit = <E extends keyof HoldPoolEvents>(event: E, value: HoldPoolEvents[E]) => void;

/**
 * Follows the steps of the board the pool is on. It reads on from the last one after a lost
 * connection, so a short one loses nothing; a change of board is a gap.
 */
export class Feed {
  readonly #board: () => Board;
  readonly #position: () => Promise<number>;
  readonly #emit: Emit;
  #source: Board | null = null;
  #reader: StepReader | null = null;
  #starting: Promise<void> | null = null;
  #seq = 0;
  #closed = false;

  /**
   * @param board where the pool is kept now
   * @param position where the pool stands: the steps after it are told
   */
  constructor(board: () => Board, position: () => Promise<number>, emit: Emit) {
    this.#board = board;
    this.#position = position;
    this.#emit = emit;
  }

  /** Resolves when every later step will be told. Idempotent. */
  start(): Promise<void> {
    this.#starting ??= this.#position().then(
      (seq) => {
        this.#seq = seq;
        void this.#follow();
      },
      (error) => {
        this.#starting = null;
        throw error;
      },
    );
    return this.#starting;
  }

  close(): void {
    this.#closed = true;
    this.#reader?.close();
  }

  async #follow(): Promise<void> {
    while (!this.#closed) {
      try {
        const steps = await this.#read();
        for (const { seq, counts, log } of steps) {
          if (this.#closed) return;
          this.#step(seq, counts, log);
        }
      } catch (error) {
        if (this.#closed) return;
        this.#emit('fault', error);
        await sleep(RETRY_MS);
      }
    }
  }

  #read() {
    const board = this.#board();
    if (board !== this.#source || this.#reader === null) {
      this.#reader?.close();
      this.#source = board;
      this.#reader = board.steps((error) => this.#emit('fault', error));
    }
    return this.#reader.read(this.#seq);
  }

  #step(seq: number, counts: string, log: string): void {
    const gap = seq !== this.#seq + 1;
    this.#seq = seq;
    if (gap) this.#emit('gap', { seq });
    const { changes, expired, offered } = readStep(counts, log);
    this.#emit('change', { seq, changes });
    if (expired.length > 0) this.#emit('expired', { seq, ids: expired });
    if (offered.length > 0) this.#emit('offered', { seq, ids: offered });
  }
}

const SEAT_AFTER: Record<string, SeatState> = {
  p: 'held',
  s: 'sold',
  f: 'free',
  r: 'free',
  e: 'free',
  v: 'free',
  b: 'free',
};

/** @param counts `SKU free held sold total;...`, @param log lines of `state id items` */
function readStep(counts: string, log: string) {
  const changes = new Map<string, Change>();
  for (const text of counts === '' ? [] : counts.split(';')) {
    const [sku = '', free, held, sold] = text.split(' ');
    changes.set(sku, { sku, free: Number(free), held: Number(held), sold: Number(sold) });
  }
  const expired: string[] = [];
  const offered: string[] = [];
  for (const text of log === '' ? [] : log.split('\n')) {
    const [state = '', id = '', items = ''] = text.split(' ');
    if (state === 'e') expired.push(id);
    if (state === 'o') offered.push(id);
    const seatState = SEAT_AFTER[state];
    if (seatState === undefined || !items.includes('@')) continue;
    for (const { sku, seats } of unpackLines(items)) {
      const change = changes.get(sku);
      if (change === undefined || seats.length === 0) continue;
      change.seats ??= {};
      for (const seat of seats) change.seats[seat] = seatState;
    }
  }
  return { changes: [...changes.values()], expired, offered };
}
