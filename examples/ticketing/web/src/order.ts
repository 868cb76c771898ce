import { signal } from '@preact/signals';
import { paths } from '../../addresses.ts';
import type { Order } from '../../contract.ts';
import { ApiError } from './api.ts';
import { authorizedCall } from './session.ts';

/** The order on the screen, from whichever source told last: the WebSocket or a fetch. */
export const order = signal<Order | null>(null);
/** The id the WebSocket follows. */
export const watchedOrder = signal<string | null>(null);
export const orderFailure = signal<'not-found' | 'signed-out' | 'unreachable' | null>(null);

/** Without a word over the WebSocket for this long, a payment in progress is asked for over HTTP. */
const SILENCE_MS = 4_000;
let heardAt = 0;

/** Shows an order and follows it until it is decided; returns the way to stop. */
export function followOrder(id: string): () => void {
  if (order.peek()?.id !== id) order.value = null;
  watchedOrder.value = id;
  void fetchOrder(id);
  const timer = setInterval(() => {
    const state = order.peek()?.state;
    const undecided = !state || state === 'processing' || state === 'refunding';
    if (undecided && Date.now() - heardAt > SILENCE_MS) void fetchOrder(id);
  }, 1_000);
  return () => {
    clearInterval(timer);
    watchedOrder.value = null;
  };
}

/** A message that overtook another never turns a decided order back into a running one. */
export function receiveOrder(next: Order): void {
  heardAt = Date.now();
  if (next.id !== watchedOrder.peek()) return;
  const shown = order.peek();
  if (shown?.id === next.id && progress(shown) > progress(next)) return;
  orderFailure.value = null;
  order.value = next;
}

const STEPS = ['queued', 'charging', 'deciding', 'ticketing', 'done'];
function progress(of: Order): number {
  // both come after `paid`
  if (of.state === 'refunding') return STEPS.length + 1;
  if (of.state === 'refunded') return STEPS.length + 2;
  return of.state === 'processing' ? STEPS.indexOf(of.step) : STEPS.length;
}

/** Gives unused tickets back for their money. @throws ApiError when one has been used @throws UnreachableError */
export async function cancelOrder(id: string): Promise<void> {
  receiveOrder(await authorizedCall<Order>('POST', paths.cancelOrder(id)));
}

export async function fetchOrder(id: string): Promise<void> {
  heardAt = Date.now(); // one question at a time
  try {
    receiveOrder(await authorizedCall<Order>('GET', paths.order(id)));
  } catch (error) {
    if (id !== watchedOrder.peek()) return;
    const status = error instanceof ApiError ? error.status : 0;
    orderFailure.value =
      status === 401 || status === 403
        ? 'signed-out'
        : status === 404
          ? 'not-found'
          : 'unreachable';
  }
}
