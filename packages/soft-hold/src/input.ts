import { HoldInputError } from './errors.ts';
import type { Catalogue } from './stock.ts';
import type { Hold } from './types.ts';

/** Most units of one SKU: sums of them stay exact in Lua and fit a PostgreSQL integer. */
export const MAX_UNITS = 2_000_000_000;
const MAX_LINES = 32;
const MAX_SEATS = 64;

// Everything that ends up inside a packed record or a key: no space, bracket, bar, quote or line end.
const ID = /^[A-Za-z0-9._:@+~/-]{1,128}$/;
const NAME = /^[A-Za-z0-9._-]{1,64}$/;

function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** @throws HoldInputError always */
export function fail(field: string, rule: string, value: unknown): never {
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

export function checkFlag(field: string, value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value === true;
  return fail(field, 'to be a boolean', value);
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

/**
 * Checks the items and packs them in one canonical line, see items.ts, sorted, so that two requests
 * want the same exactly when their lines are equal.
 */
export function packItems(items: unknown, catalogue: Catalogue): string {
  if (!Array.isArray(items) || items.length < 1 || items.length > MAX_LINES)
    return fail(
      'items',
      `to be a list of 1 to ${MAX_LINES}`,
      Array.isArray(items) ? `${items.length} items` : items,
    );
  const lines = (items as (Asked | null)[]).map((item) => packLine(item, catalogue));
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

type Asked = Partial<{ sku: unknown; quantity: unknown; seats: unknown; accessible: unknown }>;

function packLine(item: Asked | null, catalogue: Catalogue): { sku: string; text: string } {
  const sku = checkName('sku', item?.sku);
  if (!catalogue.has(sku)) fail('sku', 'to be one of the pool', sku);
  const known = catalogue.seatsOf(sku);
  const { quantity, seats, accessible } = item as Asked;
  const best = catalogue.hasMap(sku) && seats === undefined;
  if (accessible !== undefined && !(best && typeof accessible === 'boolean'))
    fail('accessible', 'to be a boolean beside the quantity of a SKU with rows', accessible);
  if (known === null) {
    if (seats !== undefined) fail('seats', `to be absent, ${sku} is sold by number`, seats);
    return { sku, text: `${sku}=${checkUnits('quantity', quantity)}` };
  }
  if (best) {
    const units = checkUnits('quantity', quantity);
    if (units > MAX_SEATS) fail('quantity', `to be at most ${MAX_SEATS} seats`, quantity);
    return { sku, text: `${sku}=${units}*${accessible ? 'a' : ''}` };
  }
  if (quantity !== undefined) fail('quantity', `to be absent, ${sku} has named seats`, quantity);
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

/** Checks a hold that came from elsewhere, such as a queue. */
export function checkHold(hold: unknown): Pick<Hold, 'id' | 'token'> {
  const { id, token } = (hold ?? {}) as Partial<Hold>;
  return { id: checkId('id', id), token: checkToken(token) };
}
