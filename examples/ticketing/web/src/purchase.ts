import { batch, effect, signal } from '@preact/signals';
import { paths } from '../../addresses.ts';
import type { HeldSeats, HoldRequest, OrderAccepted, OrderRequest } from '../../contract.ts';
import { ApiError } from './api.ts';
import { msUntil } from './clock.ts';
import { newId } from './new-id.ts';
import { go, route, slug } from './route.ts';
import { authorizedCall, user } from './session.ts';
import { losePass, pass } from './waiting.ts';

/**
 * The seats this browser holds, and the id of the order that will pay for them. Both live in
 * localStorage, so a reload and a second tab see the same purchase, and two tabs that both press Pay
 * send the same order id: the server then takes the money once.
 */
export type Purchase = {
  hold: HeldSeats;
  orderId: string;
  lengthMs: number;
  ordered: boolean;
  /** the last order for these seats, when its card was declined */
  declined?: string;
};

const KEY = 'evenkeel:purchase';
export const purchase = signal<Purchase | null>(read());
/** The hold whose time ran out last, for the screen that says so. */
export const expiredHold = signal<string | null>(null);

function read(): Purchase | null {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? 'null') as Purchase | null;
  } catch {
    return null; // something else wrote there
  }
}

function keep(next: Purchase | null): void {
  purchase.value = next;
  if (next) localStorage.setItem(KEY, JSON.stringify(next));
  else localStorage.removeItem(KEY);
}

/** @throws ApiError `seat_taken`, `limit_reached`... @throws UnreachableError */
export async function holdSeats(seats: string[]): Promise<void> {
  const body: HoldRequest = { id: newId(), event: slug, seats, pass: pass.peek()?.text };
  const hold = await authorizedCall<HeldSeats>('POST', paths.holds, { body }).catch((error) => {
    if (error instanceof ApiError && error.problem.code === 'pass_needed') losePass();
    throw error;
  });
  keep({ hold, orderId: newId(), lengthMs: msUntil(hold.expiresAt), ordered: false });
  go({ at: 'hold', id: hold.id });
}

export async function releaseSeats(): Promise<void> {
  const current = purchase.peek();
  if (!current) return;
  await authorizedCall('DELETE', paths.hold(current.hold.id)).catch((error) => {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  });
  batch(() => {
    keep(null);
    go({ at: 'seats' }, { replace: true });
  });
}

/** More time to pay; it is given once. @throws ApiError, UnreachableError */
export async function extendHold(): Promise<void> {
  const current = purchase.peek();
  if (!current) return;
  const hold = await authorizedCall<HeldSeats>('POST', paths.extendHold(current.hold.id));
  keep({ ...current, hold, lengthMs: msUntil(hold.expiresAt) });
}

/** Sends the order; the answer comes before the payment is made. */
export async function pay(card: string): Promise<void> {
  const current = purchase.peek();
  if (!current) return;
  const { id: holdId, amountCents } = current.hold;
  const body: OrderRequest = { id: current.orderId, holdId, card, amountCents };
  try {
    await authorizedCall<OrderAccepted>('POST', paths.orders, { body });
  } catch (error) {
    const code = error instanceof ApiError ? error.problem.code : undefined;
    if (code === 'hold_expired') return expire(current);
    // nothing was ordered: the page shows what it costs now, and asks again
    if (code === 'price_changed') {
      const hold = await authorizedCall<HeldSeats>('GET', paths.hold(holdId));
      keep({ ...current, hold });
    }
    throw error;
  }
  batch(() => {
    keep({ ...current, ordered: true });
    go({ at: 'order', id: current.orderId }, { replace: true });
  });
}

/** After the order is decided nothing is held any more. */
export function endPurchase(orderId: string): void {
  if (purchase.peek()?.orderId === orderId) keep(null);
}

/**
 * After a declined card the seats stay held, with new time to pay: the id of the hold for another
 * order with another card, or null when it is over.
 */
export async function holdAfterDecline(orderId: string): Promise<string | null> {
  const current = purchase.peek();
  if (current?.declined === orderId) return current.hold.id;
  if (current?.orderId !== orderId) return null;
  try {
    const hold = await authorizedCall<HeldSeats>('GET', paths.hold(current.hold.id));
    const lengthMs = msUntil(hold.expiresAt);
    keep({ hold, orderId: newId(), lengthMs, ordered: false, declined: orderId });
    return hold.id;
  } catch {
    keep(null);
    return null;
  }
}

function expire(current: Purchase): void {
  batch(() => {
    expiredHold.value = current.hold.id;
    if (purchase.peek()?.hold.id === current.hold.id) keep(null);
  });
}

/** Wires the clock, the other tabs and the account to the purchase, once the server's time is known. */
export function startPurchase(): void {
  const kept = purchase.peek();
  const isShown = route.peek().at === 'order';
  // an order whose page was closed long ago has its own address, and stands in nobody's way
  if (kept?.ordered && msUntil(kept.hold.expiresAt) === 0 && !isShown) keep(null);
  effect(() => {
    const current = purchase.value;
    if (!current || current.ordered) return;
    const timer = setTimeout(() => expire(current), msUntil(current.hold.expiresAt));
    return () => clearTimeout(timer);
  });
  effect(() => {
    // the other tab has paid: this one must not show a form for the same seats
    const current = purchase.value;
    if (current?.ordered && route.value.at === 'hold' && route.value.id === current.hold.id) {
      go({ at: 'order', id: current.orderId }, { replace: true });
    }
  });
  addEventListener('storage', ({ key }) => {
    if (key === KEY) purchase.value = read();
  });
  let owner = user.peek();
  effect(() => {
    // a held seat belongs to an account: signing out leaves it behind
    if (owner && !user.value) keep(null);
    owner = user.value;
  });
}
