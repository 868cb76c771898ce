import { batch, effect, signal } from '@preact/signals';
import { featuredEvent, paths } from '../../../addresses.ts';
import type { AuditLog, EventList, SaleReport, StuckOrders } from '../../../contract.ts';
import { call } from '../api.ts';
import { Live } from '../live.ts';
import { accessToken, authorizedCall, user } from '../session.ts';

/** The sale that the organiser looks at, told every second over the WebSocket. */
export const events = signal<EventList['events']>([]);
export const slug = signal(new URLSearchParams(location.search).get('event') ?? featuredEvent);
export const report = signal<SaleReport | null>(null);
export const stuck = signal<StuckOrders['orders']>([]);
/** tickets sold in each of the last seconds, the latest last */
export const pace = signal<number[]>([]);
export const audit = signal<AuditLog['entries']>([]);

const KEPT_SECONDS = 120;
/** a watch that ended with an error is begun again */
const SILENCE_MS = 4_000;
let heardAt = 0;
let soldBefore: number | null = null;

export const live = new Live({
  onOpen: () => void watch(),
  onMessage: (message) => {
    if (message.type !== 'sale' || message.report.event !== slug.peek()) return;
    heardAt = Date.now();
    const sold = message.report.counts.reduce((sum, count) => sum + count.sold, 0);
    batch(() => {
      report.value = message.report;
      stuck.value = message.stuck;
      if (soldBefore !== null) {
        pace.value = [...pace.value.slice(1 - KEPT_SECONDS), Math.max(0, sold - soldBefore)];
      }
    });
    soldBefore = sold;
  },
});

async function watch(): Promise<void> {
  const token = await accessToken().catch(() => undefined);
  if (!token || user.peek()?.role !== 'organiser') return;
  heardAt = Date.now();
  live.send({ type: 'authorize', accessToken: token });
  live.send({ type: 'watch-sale', event: slug.peek() });
  audit.value = (
    await authorizedCall<AuditLog>('GET', `${paths.organiser.audit}?limit=12`)
  ).entries;
}

export function choose(event: string): void {
  batch(() => {
    slug.value = event;
    report.value = null;
    pace.value = [];
  });
  soldBefore = null;
  history.replaceState(null, '', `?event=${event}`);
  void watch();
}

export function startOrganiser(): void {
  live.connect();
  effect(() => {
    if (user.value) void watch().catch(() => {});
  });
  setInterval(() => {
    const isQuiet = Date.now() - heardAt > SILENCE_MS;
    if (live.connection.peek() === 'live' && isQuiet) void watch().catch(() => {});
  }, 1_000);
  call<EventList>('GET', paths.events).then(
    (list) => {
      events.value = list.events;
    },
    () => {},
  );
}

/** @throws ApiError with what the server says, UnreachableError */
export async function change(
  method: 'PUT' | 'POST',
  path: string,
  body?: object,
): Promise<unknown> {
  const answer = await authorizedCall(method, path, body ? { body } : {});
  audit.value = (
    await authorizedCall<AuditLog>('GET', `${paths.organiser.audit}?limit=12`)
  ).entries;
  return answer;
}
