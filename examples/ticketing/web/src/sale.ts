import { batch, computed, effect, signal } from '@preact/signals';
import { paths } from '../../addresses.ts';
import type { Availability, EventPage, ServerMessage } from '../../contract.ts';
import { ApiError, call } from './api.ts';
import { plural, seatName } from './format.ts';
import { Live } from './live.ts';
import { receiveOrder, watchedOrder } from './order.ts';
import { purchase, startPurchase } from './purchase.ts';
import { slug } from './route.ts';
import { SeatBoard } from './seat-board.ts';
import { accessToken, user } from './session.ts';
import { nearPlace, pass, receiveRoom, startWaiting } from './waiting.ts';

/** The event on sale, its live seat board, and what the visitor has picked so far. */

export const SEATS_AN_ORDER = 6;

export type Loading = 'loading' | 'ready' | 'not-found' | 'unreachable';
export const loading = signal<Loading>('loading');
export const event = signal<EventPage | null>(null);
export const board = new SeatBoard();
export const selection = signal<string[]>([]);

/** One short message to the visitor; it stays until the next one or until closed. */
export type Notice = { kind: 'info' | 'problem'; text: string };
export const notice = signal<Notice | null>(null);

/** How a seat looks to this visitor. */
export type SeatLook = 'free' | 'selected' | 'mine' | 'held' | 'sold';
const mine = computed(() => {
  const hold = purchase.value?.hold;
  return new Set(hold?.event === slug ? hold.seats : []);
});
export function seatLook(id: string): SeatLook {
  if (mine.value.has(id)) return 'mine';
  const state = board.seat(id).value;
  if (state !== 'free') return state;
  return selection.value.includes(id) ? 'selected' : 'free';
}

export function toggleSeat(id: string): void {
  const look = seatLook(id);
  if (look === 'selected') {
    selection.value = selection.value.filter((seat) => seat !== id);
  } else if (look === 'held' || look === 'sold') {
    tell('info', `${seatName(id)} is ${look === 'held' ? 'held by somebody else' : 'sold'}.`);
  } else if (purchase.value) {
    tell('info', 'Pay for the seats you hold, or release them, before you pick others.');
  } else if (selection.value.length >= SEATS_AN_ORDER) {
    tell('info', `${SEATS_AN_ORDER} seats is the most for one order.`);
  } else {
    batch(() => {
      selection.value = [...selection.value, id];
      notice.value = null;
    });
  }
}

export function tell(kind: Notice['kind'], text: string): void {
  notice.value = { kind, text };
}

/** Price of a seat in cents; 0 for a seat this event does not have. */
export function seatPrice(id: string): number {
  return seatCategory(id)?.priceCents ?? 0;
}

export function seatCategory(id: string): EventPage['categories'][number] | undefined {
  const rowName = id.split('-')[0];
  return event.value?.categories.find(({ rows }) => rows.some(({ row }) => row === rowName));
}

export const soldOut = computed<'no' | 'for-now' | 'for-good'>(() => {
  const counts = board.counts.value;
  if (counts.length === 0 || counts.some(({ free }) => free > 0)) return 'no';
  return counts.some(({ held }) => held > 0) ? 'for-now' : 'for-good';
});

/** Whether the hall may be seen: a visitor who waits is told of the queue, not of every seat. */
export const isInside = computed(
  () => !event.value?.hasWaitingRoom || pass.value !== null || purchase.value?.hold.event === slug,
);

export const live = new Live({ onOpen: () => void authorizeLive(), onMessage: receive });

/** Both are answered with how things stand, so what happened while the line was down is known too. */
function watch(): void {
  if (live.connection.value !== 'live' || !event.value) return;
  if (isInside.value) live.send({ type: 'watch-event', event: slug });
  else {
    const place = nearPlace.value ?? undefined;
    live.send({ type: 'watch-waiting-room', event: slug, place });
  }
}

/** Tells the socket who we are, then which order we want to follow. */
async function authorizeLive(): Promise<void> {
  const token = await accessToken().catch(() => undefined);
  if (!token) return;
  live.send({ type: 'authorize', accessToken: token });
  if (watchedOrder.peek()) live.send({ type: 'watch-order', order: watchedOrder.peek() as string });
}

function receive(message: ServerMessage): void {
  if (message.type === 'availability') {
    if (message.availability.event === slug) board.load(message.availability);
  } else if (message.type === 'change') {
    if (message.event === slug && board.apply(message) === 'gap') void refreshBoard();
  } else if (message.type === 'waiting-room') {
    if (message.event === slug) receiveRoom(message.status);
  } else if (message.type === 'order') {
    receiveOrder(message.order);
  } else if (message.type === 'problem' && message.problem.code === 'unavailable') {
    // what was asked for has not begun, and nobody will tell when it could
    const { retryAfterMs = AGAIN_MS } = message.problem;
    clearTimeout(again);
    again = setTimeout(watchAgain, retryAfterMs * (0.5 + Math.random()));
  }
}

const AGAIN_MS = 1_000;
let again: ReturnType<typeof setTimeout> | undefined;

/** Watching the same thing twice is watching it once. */
function watchAgain(): void {
  watch();
  void authorizeLive();
}

let refreshing = false;

/** Fetches the whole board once more: after a gap in the numbers, or when somebody was faster. */
export async function refreshBoard(): Promise<void> {
  if (refreshing) return;
  refreshing = true;
  try {
    // the answer may have been read before the change that showed the gap
    for (let attempt = 1; attempt <= 5; attempt++) {
      if (board.load(await call<Availability>('GET', paths.availability(slug)))) return;
      await new Promise((resolve) => setTimeout(resolve, 200 * attempt));
    }
  } catch {
    // the next change or reconnection asks again; the state of the line is on the screen
  } finally {
    refreshing = false;
  }
}

/** and up to twice as long, so that not all who wait knock at once */
const KNOCK_AGAIN_MS = 4_000;
let knocking: ReturnType<typeof setTimeout> | undefined;

/** Asks for the event and its seats, and where nobody answers again after a while. */
export async function openSale(): Promise<void> {
  loading.value = 'loading';
  await askForSale();
}

async function askForSale(): Promise<void> {
  clearTimeout(knocking);
  try {
    const [page, availability] = await Promise.all([
      call<EventPage>('GET', paths.event(slug)),
      call<Availability>('GET', paths.availability(slug)),
    ]);
    batch(() => {
      event.value = page;
      board.load(availability);
      loading.value = 'ready';
    });
    document.title = `${page.title} · Evenkeel Tickets`;
  } catch (error) {
    loading.value = error instanceof ApiError && error.status === 404 ? 'not-found' : 'unreachable';
    if (loading.value === 'not-found') return;
    knocking = setTimeout(() => void askForSale(), KNOCK_AGAIN_MS * (1 + Math.random()));
  }
}

/** After somebody has said that a price is another one. */
export async function refreshPrices(): Promise<void> {
  event.value = await call<EventPage>('GET', paths.event(slug));
}

/** Wires the parts together, once. */
export function startSale(): void {
  live.connect();
  effect(() => {
    const [signedIn, following] = [user.value !== null, watchedOrder.value !== null];
    if (signedIn || following) void authorizeLive();
  });
  effect(dropTakenSeats);
  effect(watch);
  startWaiting();
  void openSale().then(startPurchase);
}

/** Set while our own hold request is under way: then a picked seat that turns `held` is good news. */
export const holding = signal(false);

function dropTakenSeats(): void {
  if (holding.value) return;
  const taken = selection.value.filter((id) => board.seat(id).value !== 'free');
  if (taken.length === 0 || taken.every((id) => mine.value.has(id))) return;
  batch(() => {
    selection.value = selection.value.filter((id) => !taken.includes(id));
    tell(
      'problem',
      taken.length === 1
        ? `${seatName(taken[0] as string)} has just been taken by somebody else.`
        : `${plural(taken.length, 'seat')} you picked have just been taken by somebody else.`,
    );
  });
}
