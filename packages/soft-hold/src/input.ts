import { HoldInputError } from './errors.ts';
import type { Hold, Item, Stock } from './types.ts';

/** Most units of one SKU: sums of them stay exact in Lua and fit a PostgreSQL integer. */
export const MAX_UNITS = 2_000_000_000;
const MAX_SKUS = 1_000;
const MAX_LINES = 32;
const MAX_SEATS = 64;

// Everything that ends up inside a packed record or a key: no space, bracket, bar, quote or line end.
const ID = /^[A-Za-z0-9._:@+~/-]{1,128}$/;
const NAME = /^[A-Za-z0-9._-]{1,64}$/;

function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function fail(field: string, rule: string, value: unknown): never {
  throw new HoldInputError(field, `Expected \`${field}\` ${rule}, got ${show(value)}`);
}

/** Checks an id or a holder: 1..128 of letters, digits and `. _ : @ + ~ / -`. */
export function checkId(field: string, value: unknown): string {
  if (typeof value === 'string' && ID.test(value)) return value;
  return fail(field, 'to be 1 to 128 of A-Z a-z 0-9 . _ : @ + ~ / -', value);
}

/** Checks the name of a pool, SKU or seat: 1..64 of letters, digits and `. _ -`. */
export function checkName(field: string, value: unknown): string {
  if (typeof value === 'string' && NAME.test(value)) return value;
  return fail(field, 'to be 1 to 64 of A-Z a-z 0-9 . _ -', value);
}

export function checkToken(value: unknown): string {
  if (typeof value === 'string' && /^[0-9]{1,16}$/.test(value)) return value;
  return fail('token', 'to be the token of a hold', value);
}

export function checkUnits(field: string, value: unknown, least = 1): number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= MAX_UNITS)
    return value as number;
  return fail(field, `to be an integer from ${least} to ${MAX_UNITS}`, value);
}

export function checkMs(field: string, value: unknown, most: number): number {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most)
    return value as number;
  return fail(field, `to be an integer from 1 to ${most} (milliseconds)`, value);
}

/** Whether every SKU of a request exists, and every seat in it. */
export type Catalogue = {
  has(sku: string): boolean;
  /** null when the SKU is sold by number. */
  seatsOf(sku: string): ReadonlySet<string> | null;
};

/**
 * Checks the items and packs them in one canonical line, `GA=2;STALLS=2@A-1,A-2`, sorted, so that
 * two requests want the same exactly when their lines are equal.
 */
export function packItems(items: unknown, catalogue: Catalogue): string {
  if (!Array.isArray(items) || items.length < 1 || items.length > MAX_LINES)
    return fail(
      'items',
      `to be a list of 1 to ${MAX_LINES}`,
      Array.isArray(items) ? `${items.length} items` : items,
    );
  const lines = (items as Partial<{ sku: unknown; quantity: unknown; seats: unknown }>[]).map(
    (item) => packLine(item, catalogue),
  );
  lines.sort((a, b) => (a.sku < b.sku ? -1 : 1));
  lines.forEach((line, i) => {
    if (i > 0 && lines[i - 1]?.sku === line.sku)
      fail('items', 'to name each SKU once', `${line.sku} twice`);
  });
  return lines.map((line) => line.text).join(';');
}

/** Checks that a SKU exists and is sold by number. */
export function checkCounted(sku: unknown, catalogue: Catalogue): void {
  const name = checkName('sku', sku);
  if (!catalogue.has(name)) fail('sku', 'to be one of the pool', name);
  if (catalogue.seatsOf(name) !== null) fail('sku', 'to be sold by number', name);
}

function packLine(
  item: Partial<{ sku: unknown; quantity: unknown; seats: unknown }> | null,
  catalogue: Catalogue,
): { sku: string; text: string } {
  const sku = checkName('sku', item?.sku);
  if (!catalogue.has(sku)) fail('sku', 'to be one of the pool', sku);
  const known = catalogue.seatsOf(sku);
  if (known === null) {
    if (item?.seats !== undefined)
      fail('seats', `to be absent, ${sku} is sold by number`, item.seats);
    return { sku, text: `${sku}=${checkUnits('quantity', item?.quantity)}` };
  }
  const seats = item?.seats;
  if (item?.quantity !== undefined)
    fail('quantity', `to be absent, ${sku} has named seats`, item.quantity);
  if (!Array.isArray(seats) || seats.length < 1 || seats.length > MAX_SEATS)
    return fail(
      'seats',
      `to be a list of 1 to ${MAX_SEATS}`,
      Array.isArray(seats) ? `${seats.length} seats` : seats,
    );
  for (const seat of seats) {
    if (!known.has(checkName('seats', seat))) fail('seats', `to be seats of ${sku}`, seat);
  }
  const names = [...new Set(seats as string[])].sort();
  if (names.length !== seats.length) fail('seats', 'to name each seat once', seats.join(','));
  return { sku, text: `${sku}=${names.length}@${names.join(',')}` };
}

/** One packed line taken apart. */
export type PackedLine = { sku: string; quantity: number; seats: string[] };

export function unpackLines(packed: string): PackedLine[] {
  return packed.split(';').map((text) => {
    const [, sku = '', quantity = '0', seats] = /^([^=]+)=(\d+)(?:@(.+))?$/.exec(text) ?? [];
    return { sku, quantity: Number(quantity), seats: seats?.split(',') ?? [] };
  });
}

export function unpackItems(packed: string): Item[] {
  return unpackLines(packed).map(({ sku, quantity, seats }) =>
    seats.length > 0 ? { sku, seats } : { sku, quantity },
  );
}

/** One SKU of a pool, as kept by the store; `seats` is null when it is sold by number. */
export type StockLine = { sku: string; total: number; seats: string[] | null };

/** Checks the stock and lists it sorted by SKU. */
export function listStock(stock: Stock): StockLine[] {
  if (typeof stock !== 'object' || stock === null) return fail('stock', 'to be an object', stock);
  const lines = Object.entries(stock).map(([sku, amount]): StockLine => {
    checkName('sku', sku);
    if (typeof amount === 'number')
      return { sku, total: checkUnits(`stock.${sku}`, amount, 0), seats: null };
    const seats = amount?.seats;
    if (!Array.isArray(seats) || seats.length === 0)
      return fail(`stock.${sku}`, 'to be a number or { seats: [names] }', amount);
    for (const seat of seats) checkName(`stock.${sku}.seats`, seat);
    if (new Set(seats).size !== seats.length)
      fail(`stock.${sku}.seats`, 'to name each seat once', `${seats.length} names`);
    return { sku, total: seats.length, seats: [...seats] };
  });
  if (lines.length === 0 || lines.length > MAX_SKUS)
    return fail('stock', `to have 1 to ${MAX_SKUS} SKUs`, `${lines.length} SKUs`);
  return lines.sort((a, b) => (a.sku < b.sku ? -1 : 1));
}

/** Checks a hold that came from elsewhere, such as a queue. */
export function checkHold(hold: unknown): Pick<Hold, 'id' | 'token'> {
  const { id, token } = (hold ?? {}) as Partial<Hold>;
  return { id: checkId('id', id), token: checkToken(token) };
}

export function catalogueOf(stock: readonly StockLine[]): Catalogue {
  const seats = new Map(stock.map((line) => [line.sku, line.seats && new Set(line.seats)]));
  return {
    has: (sku) => seats.has(sku),
    seatsOf: (sku) => seats.get(sku) ?? null,
  };
}
