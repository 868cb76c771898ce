/** What an organiser looks at while tickets are sold: how it goes, what is stuck, who did what. */
import type { JobQueue } from '@evenkeel/async-jobs';
import type { Pool } from 'pg';
import type { AuditLog, SaleReport, StuckOrders } from '../../contract.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Pools } from '../inventory/pools.ts';
import type { WaitingRooms } from '../inventory/waiting-rooms.ts';

export type ReportDeps = {
  database: Pool;
  pools: Pools;
  namespace: string;
  catalog: Catalog;
  rooms: WaitingRooms;
};
type Sums = Pick<
  SaleReport,
  'paused' | 'orders' | 'paidCents' | 'refundedCents' | 'ticketsLastMinute'
> & { withheld: Record<string, number> };

/** @throws ProblemError `not_found` */
export async function saleReport(
  { database, pools, namespace, catalog, rooms }: ReportDeps,
  slug: string,
): Promise<SaleReport> {
  const event = await catalog.event(slug);
  const pool = await pools.of(slug);
  const [{ skus, serverNow }, { rows }, room] = await Promise.all([
    pool.available(),
    database.query<Sums>(
      `select (select paused from soft_hold.pool where pool = $2) as paused,
         (select coalesce(json_object_agg(state, n), '{}') from
           (select state, count(*)::int as n from orders where event = $1 group by state) as s) as orders,
         (select coalesce(json_object_agg(sku, n), '{}') from (select sku, count(*)::int as n
           from withheld_seats where event = $1 group by sku) as w) as withheld,
         (select coalesce(sum(amount_cents), 0)::int from orders
           where event = $1 and state = 'paid') as "paidCents",
         (select coalesce(sum(amount_cents), 0)::int from orders
           where event = $1 and state in ('refunding', 'refunded')) as "refundedCents",
         (select count(*)::int from tickets t join orders o on o.id = t.order_id
           where t.event = $1 and o.completed_at > now() - interval '1 minute') as "ticketsLastMinute"`,
      [slug, `${namespace}.${slug}`],
    ),
    event.hasWaitingRoom ? rooms.of(event).status() : null,
  ]);
  const [sums] = rows;
  if (!sums) throw new Error('PostgreSQL answered nothing');
  const { withheld: withheldBySku, ...row } = sums;
  const counts = event.categories.flatMap(({ sku, name, priceCents }) => {
    const stock = skus[sku];
    if (!stock) return [];
    const { total, free, held, sold } = stock;
    const withheld = withheldBySku[sku] ?? 0;
    // the two are read a moment apart
    const ofBuyers = Math.max(0, sold - withheld);
    return [{ sku, name, priceCents, total, free, held, sold: ofBuyers, withheld }];
  });
  const { title, currency, admitPerSecond } = event;
  return {
    event: slug,
    title,
    currency,
    admitPerSecond,
    counts,
    ...row,
    room: room && {
      waiting: room.waiting,
      active: room.active,
      pacePerSecond: room.pacePerSecond,
    },
    serverNow: new Date(serverNow).toISOString(),
  };
}

/**
 * The oldest 100 whose buyers have waited for longer than `afterMs`, and of the paid ones those whose tickets are out
 * while the money is not ours: its capture is given up, or still to come.
 */
export async function stuckOrders(
  { database, queue }: { database: Pool; queue: JobQueue },
  afterMs = 60_000,
): Promise<StuckOrders> {
  const { rows } = await database.query<
    Omit<StuckOrders['orders'][number], 'job' | 'since'> & { since: Date; jobId: string }
  >(
    `select id, event, seats, state, job_id as "jobId",
       coalesce(cancelled_at, completed_at, created_at) as since
     from orders o where (state in ('processing', 'refunding') or (state = 'paid' and not exists
         (select from payments p where p.order_id = o.id and p.state = 'captured')))
       and coalesce(cancelled_at, completed_at, created_at) < now() - $1 * interval '1 millisecond'
     order by since limit 100`,
    [afterMs],
  );
  const orders = await Promise.all(
    rows.map(async ({ jobId, since, ...order }) => {
      // without Redis the list is still true, only without the reasons
      const status = await queue.status(jobId).catch(() => null);
      const job = status && {
        state: status.state,
        attempt: status.attempt,
        error: status.error?.message ?? null,
      };
      return { ...order, since: since.toISOString(), job };
    }),
  );
  return { orders };
}

/** The latest first. */
export async function readAuditLog(database: Pool, limit: number): Promise<AuditLog> {
  const { rows } = await database.query<Omit<AuditLog['entries'][number], 'at'> & { at: Date }>(
    `select id::int, at, actor, action, subject, details from audit_log order by audit_log.id desc
     limit $1`,
    [limit],
  );
  return { entries: rows.map((row) => ({ ...row, at: row.at.toISOString() })) };
}
