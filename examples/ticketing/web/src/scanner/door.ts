import { batch, computed, effect, signal } from '@preact/signals';
import { featuredEvent, paths } from '../../../addresses.ts';
import type {
  DoorList,
  EventList,
  OfflineScans,
  ScanRequest,
  ScanResult,
  SyncReport,
} from '../../../contract.ts';
import { ApiError, call } from '../api.ts';
import { newId } from '../new-id.ts';
import { accessToken, authorizedCall, lastUser, restoreSession, user } from '../session.ts';
import { verifyTicket } from '../verify-ticket.ts';

/**
 * The door. With network the database decides, and what it says is final; without, the signature and the
 * list that was fetched before, and what was let in is told to the database as soon as it can be.
 *
 *     code -> online?  -> POST /scans                     -> admitted | used | void | ...
 *                 no   -> signature, list, own scans      -> admitted (kept) | used | ...
 *     online again     -> POST /scans/offline (kept ones) -> conflicts, for people to look at
 */
export type Outcome = ScanResult['outcome'] | 'not-listed' | 'unsupported';
export type Scan = {
  id: string;
  at: string;
  outcome: Outcome;
  seat: string | null;
  /** who had let it in before */
  first: string | null;
  isOffline: boolean;
};
type Pending = OfflineScans['scans'][number] & { ticket: string; event: string };

const LIST_KEY = 'evenkeel:door-list';
const PENDING_KEY = 'evenkeel:door-pending';
const DEVICE_KEY = 'evenkeel:door-device';
const LIST_EVERY_MS = 60_000;
const SYNC_EVERY_MS = 3_000;
const KEPT_SCANS = 30;
/** told in one call, so that it ends in its time and fits through the front door; the next one follows */
const TOLD_AT_ONCE = 100;

export const events = signal<EventList['events']>([]);
export const slug = signal(new URLSearchParams(location.search).get('event') ?? featuredEvent);
export const device = signal(localStorage.getItem(DEVICE_KEY) ?? 'Gate 1');
export const list = signal<DoorList | null>(read<DoorList>(LIST_KEY));
export const pending = signal<Pending[]>(read<Pending[]>(PENDING_KEY) ?? []);
export const latest = signal<Scan | null>(null);
export const scans = signal<Scan[]>([]);
export const conflicts = signal<SyncReport['conflicts']>([]);
/** the last answer came, or it did not */
export const isReachable = signal(navigator.onLine);
export const connection = computed(() => (isReachable.value ? 'live' : 'lost'));
/** After a reload without network nobody can sign in: the door stays with whom it was. */
export const keeper = computed(() => user.value ?? (isReachable.value ? null : lastUser()));
const usable = computed(() => (list.value?.event === slug.value ? list.value : null));
export const inside = computed(
  () =>
    (usable.value?.tickets.filter(({ used }) => used).length ?? 0) +
    pending.value.filter(({ event }) => event === slug.value).length,
);
export const expected = computed(() => usable.value?.tickets.length ?? 0);

function read<T>(key: string): T | null {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null') as T | null;
  } catch {
    return null; // something else wrote there
  }
}

function keepPending(next: Pending[]): void {
  pending.value = next;
  localStorage.setItem(PENDING_KEY, JSON.stringify(next));
}

export function nameDevice(name: string): void {
  device.value = name;
  localStorage.setItem(DEVICE_KEY, name);
}

/** Says whether whoever holds this code may come in. */
export async function scan(code: string): Promise<void> {
  const id = newId();
  const scanned =
    (isReachable.peek() && (await scanOnline(id, code))) || (await scanOffline(id, code));
  batch(() => {
    latest.value = scanned;
    scans.value = [scanned, ...scans.value].slice(0, KEPT_SCANS);
  });
}

/** null when no answer came: then it is not known whether the scan did, and its id makes it one. */
async function scanOnline(id: string, code: string): Promise<Scan | null> {
  const body: ScanRequest = { id, event: slug.peek(), device: device.peek(), code };
  try {
    const result = await authorizedCall<ScanResult>('POST', paths.scans, { body, attempts: 1 });
    const { outcome, seat, first } = result;
    if (outcome === 'admitted' && result.ticket) markUsed(result.ticket);
    const at = new Date().toISOString();
    return { id, at, outcome, seat, first: first && describe(first), isOffline: false };
  } catch (error) {
    if (error instanceof ApiError && error.status < 500) throw error;
    isReachable.value = false;
    return null;
  }
}

async function scanOffline(id: string, code: string): Promise<Scan> {
  const at = new Date().toISOString();
  const door = usable.peek();
  const say = (
    outcome: Outcome,
    seat: string | null = null,
    first: string | null = null,
  ): Scan => ({
    id,
    at,
    outcome,
    seat,
    first,
    isOffline: true,
  });
  if (!door) return say('unsupported');
  const verdict = await verifyTicket(code, door.key);
  if (verdict.result === 'unsupported') return say('unsupported');
  if (verdict.result === 'forged') return say('forged');
  const { ticket, event, seat } = verdict.claims;
  if (event !== door.event) return say('other_event', seat);
  const listed = door.tickets.find((one) => one.id === ticket);
  const earlier = pending.peek().find((one) => one.ticket === ticket);
  if (earlier) return say('used', seat, `here, ${clockTime(earlier.at)}`);
  if (listed?.used) return say('used', seat, 'before the network went');
  // sold after the list was fetched, or given back: a person decides
  if (!listed) return say('not-listed', seat);
  keepPending([...pending.peek(), { id, code, at, ticket, event }]);
  return say('admitted', seat);
}

function markUsed(ticket: string): void {
  const door = usable.peek();
  if (!door) return;
  const tickets = door.tickets.map((one) => (one.id === ticket ? { ...one, used: true } : one));
  keepList({ ...door, tickets });
}

function keepList(next: DoorList): void {
  list.value = next;
  localStorage.setItem(LIST_KEY, JSON.stringify(next));
}

/** What a door needs before its network goes. */
export async function fetchList(): Promise<void> {
  if (!user.peek()) return;
  try {
    keepList(await authorizedCall<DoorList>('GET', paths.doorList(slug.peek()), { attempts: 1 }));
    isReachable.value = true;
  } catch (error) {
    if (!(error instanceof ApiError)) isReachable.value = false;
  }
}

let syncing = false;

/** Tells the database whom this door let in without it. The same list twice is once. */
export async function sync(): Promise<void> {
  if (syncing || !navigator.onLine) return;
  syncing = true;
  try {
    if (!user.peek()) {
      // the page was opened without network
      restoreSession();
      if (!(await accessToken())) return;
    }
    // those of one event at a time: the door may have been sent to another one since
    const [first] = pending.peek();
    if (first) {
      const { event } = first;
      const told = pending.peek().filter((one) => one.event === event);
      const body: OfflineScans = {
        event,
        device: device.peek(),
        scans: told.slice(0, TOLD_AT_ONCE).map(({ id, code, at }) => ({ id, code, at })),
      };
      const report = await authorizedCall<SyncReport>('POST', paths.scanSync, {
        body,
        attempts: 1,
      });
      const ids = new Set(report.results.map(({ id }) => id));
      batch(() => {
        keepPending(pending.peek().filter(({ id }) => !ids.has(id)));
        conflicts.value = [...conflicts.value, ...report.conflicts];
      });
    }
    await fetchList();
  } catch (error) {
    if (!(error instanceof ApiError)) isReachable.value = false;
  } finally {
    syncing = false;
  }
}

export function choose(event: string): void {
  slug.value = event;
  history.replaceState(null, '', `?event=${event}`);
  void fetchList();
}

export function startDoor(): void {
  addEventListener('offline', () => {
    isReachable.value = false;
  });
  addEventListener('online', () => void sync());
  effect(() => {
    if (user.value) void sync();
  });
  setInterval(() => {
    if (!isReachable.peek() || pending.peek().length > 0) void sync();
  }, SYNC_EVERY_MS);
  setInterval(() => void fetchList(), LIST_EVERY_MS);
  call<EventList>('GET', paths.events).then(
    (answer) => {
      events.value = answer.events;
    },
    (error) => {
      if (!(error instanceof ApiError)) isReachable.value = false;
    },
  );
}

export const clockTime = (at: string) => new Date(at).toLocaleTimeString('en-GB');
export const describe = ({ device, at }: { device: string; at: string }) =>
  `${device}, ${clockTime(at)}`;
