/** Seats as they lie. A row's order is the physical one, whatever is printed on the seats. */
export type SeatMap = {
  /** Front to back; `null` in a row is an aisle or a missing seat. */
  rows: readonly {
    readonly seats: readonly (string | null)[];
    /** Seats of this row for wheelchairs and the like, offered only on request. */
    readonly accessible?: readonly string[];
  }[];
  /** The best place: row and place in it, both from 0, fractions allowed. Default: middle of the first row. */
  focus?: { readonly row: number; readonly seat: number };
};

type Row = {
  /** From the focal point, in seat widths: rows lie about two of them apart. */
  distance: number;
  /** Position in the row, from 1, that is nearest to the focal point. */
  focus: number;
  cells: string;
  names: string[];
};
type Block = { cost: number; row: Row; from: number; size: number };

const ROW_PITCH = 2;
/** Of parties that are looked for by letter, see script/seats.ts. */
const SIZES = [1, 2, 3, 4, 5, 6];
const NO_SEAT = '!';
const TAKEN: Record<string, string> = { '0': '1', a: 'b' };
const FREE: Record<string, string> = { '1': '0', b: 'a' };

/**
 * The rows of one SKU with what is free in them, and the choice of the best seats: in one row, no
 * single seat left beside them, nearest to the focal point; then with single seats left; then the
 * party is split. The same as script/seats.ts, which also explains the cells.
 */
export class SeatPlan {
  readonly #rows: Row[];
  readonly #where = new Map<string, [row: number, position: number]>();

  constructor(map: SeatMap) {
    const middle = ((map.rows[0]?.seats.length ?? 1) - 1) / 2;
    const focus = map.focus ?? { row: 0, seat: middle };
    this.#rows = map.rows
      .map(({ seats, accessible = [] }, i) => ({
        distance: Math.abs(i - focus.row) * ROW_PITCH,
        focus: focus.seat + 1,
        cells: seats
          .map((seat) => (seat === null ? NO_SEAT : accessible.includes(seat) ? 'a' : '0'))
          .join(''),
        names: seats.map((seat) => seat ?? NO_SEAT),
      }))
      .sort((a, b) => a.distance - b.distance);
    this.#rows.forEach((row, i) => {
      row.names.forEach((name, p) => {
        if (name !== NO_SEAT) this.#where.set(name, [i, p]);
      });
    });
  }

  paint(seats: readonly string[], free: boolean): void {
    for (const seat of seats) {
      const [i, p] = this.#where.get(seat) as [number, number];
      const row = this.#rows[i] as Row;
      const cell = row.cells[p] as string;
      const after = (free ? FREE : TAKEN)[cell] ?? cell;
      row.cells = row.cells.slice(0, p) + after + row.cells.slice(p + 1);
    }
  }

  /** The names of the best seats, fewer when there are not as many; nothing is taken yet. */
  place(size: number, accessible: boolean): string[] {
    const names: string[] = [];
    const undo: [Row, string][] = [];
    const take = ({ row, from, size }: Block) => {
      names.push(...row.names.slice(from - 1, from - 1 + size));
      undo.push([row, row.cells]);
      row.cells =
        row.cells.slice(0, from - 1) + '1'.repeat(size) + row.cells.slice(from - 1 + size);
    };
    if (accessible) {
      const block = this.#accessible(size) ?? this.#accessible(1);
      if (block === null) return [];
      take(block);
    }
    for (let part = size - names.length; part > 0 && names.length < size; ) {
      const block = this.#best(part);
      if (block === null) part--;
      else {
        take(block);
        part = Math.min(part, size - names.length);
      }
    }
    for (const [row, cells] of undo.reverse()) row.cells = cells;
    return names;
  }

  /** The fields of the pool's `r` in Redis. */
  *fields(sku: string): Generator<[string, string]> {
    const digit = (n: number) => Math.min(n, 9);
    const runs = this.#rows.map(({ cells }) =>
      digit(Math.max(...cells.split(/[^0]+/).map((run) => run.length))),
    );
    const access = this.#rows.map(({ cells }) => digit(cells.split('a').length - 1));
    const clean = this.#rows.map(({ cells }) => {
      const free = cells.split(/[^0]+/).map((run) => run.length);
      const fits = (size: number) => free.some((run) => run === size || run >= size + 2);
      const mask = SIZES.reduce((sum, size) => sum + (fits(size) ? 2 ** (size - 1) : 0), 0);
      return String.fromCharCode(64 + mask);
    });
    yield [`s/${sku}`, runs.join('')];
    yield [`c/${sku}`, clean.join('')];
    yield [`a/${sku}`, access.join('')];
    for (const [i, { distance, focus, cells, names }] of this.#rows.entries()) {
      yield [`k/${sku}/${i + 1}`, `${distance} ${focus} ${cells}`];
      yield [`n/${sku}/${i + 1}`, names.join(',')];
    }
    for (const [seat, [i, p]] of this.#where) yield [`i/${sku}/${seat}`, `${i + 1} ${p + 1}`];
  }

  #best(size: number): Block | null {
    let best: Block | null = null;
    let loose: Block | null = null;
    for (const row of this.#rows) {
      const bound = row.distance ** 2;
      if (best !== null && bound >= best.cost) break;
      for (const { index, 0: run } of row.cells.matchAll(/0+/g)) {
        const spare = run.length - size;
        if (spare < 0) continue;
        const nearest = Math.floor(row.focus - (size - 1) / 2 + 0.5) - (index + 1);
        const ideal = Math.max(0, Math.min(spare, nearest));
        for (const offset of [ideal, ideal - 1, ideal + 1, 0, spare]) {
          if (offset < 0 || offset > spare) continue;
          const from = index + 1 + offset;
          if (offset !== 1 && spare - offset !== 1) best = nearer(best, row, from, size);
          else loose = nearer(loose, row, from, size);
        }
      }
    }
    return best ?? loose;
  }

  #accessible(size: number): Block | null {
    let best: Block | null = null;
    for (const row of this.#rows) {
      const bound = row.distance ** 2;
      if (best !== null && bound >= best.cost) break;
      if (!row.cells.includes('a')) continue;
      for (const { index, 0: run } of row.cells.matchAll(/[0a]+/g)) {
        for (let offset = 0; offset <= run.length - size; offset++) {
          if (!run.slice(offset, offset + size).includes('a')) continue;
          best = nearer(best, row, index + 1 + offset, size);
        }
      }
    }
    return best;
  }
}

/** The better of the best block so far and of `size` seats from `from`, the nearer to the focal point. */
function nearer(best: Block | null, row: Row, from: number, size: number): Block {
  const cost = row.distance ** 2 + (from + (size - 1) / 2 - row.focus) ** 2;
  return best !== null && best.cost <= cost ? best : { cost, row, from, size };
}
