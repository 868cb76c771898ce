import { checkName, checkUnits, fail } from './input.ts';
import { type SeatMap, SeatPlan } from './seat-plan.ts';
import type { Stock } from './types.ts';

const MAX_SKUS = 1_000;
const MAX_SEATS = 100_000;
const MAX_ROWS = 2_000;
const MAX_ROW = 500;

/** One SKU of a pool, as kept by the store; `seats` is null when it is sold by number. */
export type StockLine = {
  sku: string;
  total: number;
  seats: string[] | null;
  /** How the seats lie; null when the pool does not know. */
  map: SeatMap | null;
};

/** Whether every SKU of a request exists, and every seat in it. */
export type Catalogue = {
  has(sku: string): boolean;
  /** null when the SKU is sold by number. */
  seatsOf(sku: string): ReadonlySet<string> | null;
  /** Whether the pool can choose the seats. */
  hasMap(sku: string): boolean;
};

export function catalogueOf(stock: readonly StockLine[]): Catalogue {
  const lines = new Map(
    stock.map(({ sku, seats, map }) => [sku, { seats: seats && new Set(seats), map }]),
  );
  return {
    has: (sku) => lines.has(sku),
    seatsOf: (sku) => lines.get(sku)?.seats ?? null,
    hasMap: (sku) => (lines.get(sku)?.map ?? null) !== null,
  };
}

/** The plans of the SKUs whose seats lie in rows, nothing taken yet. */
export function plansOf(stock: readonly StockLine[]): Map<string, SeatPlan> {
  const plans = new Map<string, SeatPlan>();
  for (const { sku, map } of stock) if (map !== null) plans.set(sku, new SeatPlan(map));
  return plans;
}

/** Checks the stock and lists it sorted by SKU. */
export function listStock(stock: Stock): StockLine[] {
  if (typeof stock !== 'object' || stock === null) return fail('stock', 'to be an object', stock);
  const lines = Object.entries(stock).map(([sku, amount]): StockLine => {
    checkName('sku', sku);
    const field = `stock.${sku}`;
    if (typeof amount === 'number')
      return { sku, total: checkUnits(field, amount, 0), seats: null, map: null };
    const map =
      typeof amount === 'object' && amount !== null && 'rows' in amount
        ? checkMap(field, amount)
        : null;
    const seats =
      map?.rows.flatMap((row) => row.seats.filter((seat) => seat !== null)) ??
      (amount as { seats?: readonly string[] } | null)?.seats;
    if (!Array.isArray(seats) || seats.length === 0 || seats.length > MAX_SEATS)
      return fail(field, `to be a number, or 1 to ${MAX_SEATS} seats`, amount);
    for (const seat of seats) checkName(`${field}.seats`, seat);
    if (new Set(seats).size !== seats.length)
      fail(`${field}.seats`, 'to name each seat once', `${seats.length} names`);
    return { sku, total: seats.length, seats: [...seats], map };
  });
  if (lines.length === 0 || lines.length > MAX_SKUS)
    return fail('stock', `to have 1 to ${MAX_SKUS} SKUs`, `${lines.length} SKUs`);
  return lines.sort((a, b) => (a.sku < b.sku ? -1 : 1));
}

/** @throws HoldInputError naming what is wrong with the map */
function checkMap(field: string, map: SeatMap): SeatMap {
  const { rows, focus } = map;
  if (!Array.isArray(rows) || rows.length < 1 || rows.length > MAX_ROWS)
    return fail(`${field}.rows`, `to be 1 to ${MAX_ROWS} rows`, rows?.length);
  const checked = rows.map((row: SeatMap['rows'][number]) => {
    if (!Array.isArray(row?.seats) || row.seats.length < 1 || row.seats.length > MAX_ROW)
      return fail(`${field}.rows`, `to have 1 to ${MAX_ROW} seats in each`, row?.seats?.length);
    const accessible = row.accessible ?? [];
    if (!Array.isArray(accessible) || accessible.some((seat) => !row.seats.includes(seat)))
      return fail(`${field}.accessible`, 'to be seats of the row', accessible);
    return {
      seats: [...row.seats],
      ...(accessible.length > 0 ? { accessible: [...accessible] } : {}),
    };
  });
  if (focus === undefined) return { rows: checked };
  for (const part of ['row', 'seat'] as const)
    if (!Number.isFinite(focus[part]))
      return fail(`${field}.focus.${part}`, 'to be a number', focus[part]);
  return { rows: checked, focus: { row: focus.row, seat: focus.seat } };
}

/** Row by row: jsonb keeps no order of fields. */
const mapShape = ({ rows, focus }: SeatMap) =>
  JSON.stringify([
    rows.map(({ seats, accessible }) => [seats, accessible]),
    focus?.row,
    focus?.seat,
  ]);

/**
 * The first SKU whose stock is another one, else null. Seats in another order are the same seats, unless
 * it says how they lie.
 */
export function firstDifference(
  wanted: readonly StockLine[],
  stored: readonly StockLine[],
): string | null {
  const shape = ({ total, seats, map }: StockLine) =>
    `${total} ${map ? mapShape(map) : seats ? [...seats].sort() : ''}`;
  const known = new Map(stored.map((line) => [line.sku, shape(line)]));
  const other = wanted.find((line) => known.get(line.sku) !== shape(line));
  if (other !== undefined) return other.sku;
  const names = new Set(wanted.map((line) => line.sku));
  return stored.find((line) => !names.has(line.sku))?.sku ?? null;
}
