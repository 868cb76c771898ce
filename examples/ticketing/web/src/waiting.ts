import { drawnPlace, standingOf } from '@evenkeel/soft-hold/waiting-room/status';
import { computed, effect, signal } from '@preact/signals';
import { paths } from '../../addresses.ts';
import type { Admission, WaitingRoomPage, WaitingTicket } from '../../contract.ts';
import { ApiError } from './api.ts';
import { msUntil } from './clock.ts';
import { slug } from './route.ts';
import { authorizedCall, user } from './session.ts';

/**
 * My place in the waiting room. It lives in localStorage, so a reload and a second tab stand where the
 * first one stood; it belongs to an account, so nobody gains by opening twenty windows.
 *
 *     nobody -> ticket (lobby: place unknown) -> place (after the draw) -> pass (inside)
 */
export type Place = {
  account: string;
  ticket: WaitingTicket;
  /** the position that was seen first: how far the bar has come */
  firstPosition: number | null;
  pass: { text: string; until: string } | null;
};
export type Standing = { position: number; waitSeconds: number | null };

const KEY = `evenkeel:waiting:${slug}`;
/** those whose turn it is come spread over this time, not in the same millisecond */
const SPREAD_MS = 700;
/** Who comes in so soon, or stands so far ahead where nobody knows how fast it goes, is told of their turn at once. */
const NEAR_SECONDS = 30;
const NEAR_PEOPLE = 300;
/** without WebCrypto (plain http) the server says where we stand */
const ASK_EVERY_MS = 5_000;

/** The room as it was told last. */
export const room = signal<WaitingRoomPage | null>(null);
export const standing = signal<Standing | null>(null);
/** My place once it is near its turn: told to the server, which then tells that turn at once. */
export const nearPlace = signal<number | null>(null);
export const roomProblem = signal<'over' | 'unreachable' | null>(null);
const kept = signal<Place | null>(read());
/** Nobody's place but that of who is signed in. */
export const place = computed(() => (kept.value?.account === user.value?.id ? kept.value : null));
export const pass = computed(() => place.value?.pass ?? null);

function read(): Place | null {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? 'null') as Place | null;
  } catch {
    return null; // something else wrote there
  }
}

function keep(next: Place | null): void {
  kept.value = next;
  if (next) localStorage.setItem(KEY, JSON.stringify(next));
  else localStorage.removeItem(KEY);
}

/** Takes a place, or the one that this account has already. @throws ApiError, UnreachableError */
export async function joinRoom(): Promise<void> {
  const account = user.peek()?.id;
  if (!account || place.peek()) return;
  const ticket = await authorizedCall<WaitingTicket>('POST', paths.waitingTicket(slug));
  roomProblem.value = null;
  standing.value = null;
  nearPlace.value = null;
  keep({ account, ticket, firstPosition: null, pass: null });
  await look();
}

/** The server no longer takes the pass: to the end of the queue with us. */
export function losePass(): void {
  standing.value = null;
  nearPlace.value = null;
  roomProblem.value = 'over';
  keep(null);
}

export function receiveRoom(status: WaitingRoomPage): void {
  room.value = status;
  void look();
}

let drawn: { for: string; place: number } | null = null;
let askedAt = 0;
let entering = false;

/** Where we stand by the latest status, and in when it is our turn. */
async function look(): Promise<void> {
  const [status, mine] = [room.peek(), place.peek()];
  if (!status || !mine || mine.pass || status.phase !== 'open') return;
  let at = mine.ticket.place;
  if (at === null && status.seed) {
    const what = `${status.seed}${mine.account}`;
    if (drawn?.for !== what && globalThis.crypto.subtle) {
      drawn = { for: what, place: await drawnPlace(status.seed, status.room, mine.account) };
    }
    at = drawn?.for === what ? drawn.place : null;
  }
  if (at === null) {
    if (Date.now() - askedAt > ASK_EVERY_MS) await enter();
    return;
  }
  stand(standingOf({ ...status, steps: status.steps as [number, number][] }, at));
  if (isNear(standing.peek())) nearPlace.value = at;
  if (standing.peek()?.position !== 0 || entering) return;
  entering = true;
  await new Promise((resolve) => setTimeout(resolve, Math.random() * SPREAD_MS));
  await enter().finally(() => {
    entering = false;
  });
}

function isNear(now: Standing | null): boolean {
  if (!now || now.position === 0) return false;
  const { position, waitSeconds } = now;
  return waitSeconds === null ? position <= NEAR_PEOPLE : waitSeconds <= NEAR_SECONDS;
}

function stand(next: Standing): void {
  standing.value = next;
  const mine = kept.peek();
  if (mine && mine.firstPosition === null) keep({ ...mine, firstPosition: next.position });
}

/** The same account has the same pass however often and from wherever it asks. */
async function enter(): Promise<void> {
  const mine = place.peek();
  if (!mine || mine.pass) return;
  askedAt = Date.now();
  try {
    const answer = await authorizedCall<Admission>('POST', paths.waitingPass(slug), {
      body: { ticket: mine.ticket.ticket },
    });
    roomProblem.value = null;
    const { status, pass: text, expiresAt, position, waitSeconds } = answer;
    if (status === 'waiting' || !text || !expiresAt) stand({ position, waitSeconds });
    else keep({ ...mine, pass: { text, until: new Date(expiresAt).toISOString() } });
  } catch (error) {
    // the ticket is worth nothing any more; anything else is tried again with the next word
    if (error instanceof ApiError && error.problem.code === 'pass_needed') losePass();
    else roomProblem.value = 'unreachable';
  }
}

/** Wires the other tabs, the account and the end of the pass to the place. */
export function startWaiting(): void {
  addEventListener('storage', ({ key }) => {
    if (key === KEY) kept.value = read();
  });
  effect(() => {
    if (place.value && !place.value.pass) void look();
  });
  effect(() => {
    const current = pass.value;
    if (!current) return;
    const timer = setTimeout(losePass, msUntil(current.until));
    return () => clearTimeout(timer);
  });
}
