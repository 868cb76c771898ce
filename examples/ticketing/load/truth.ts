/** The books, after quiet: SQL, the payment provider and the mail provider must tell the same story. */
import type { Pool } from 'pg';
import { type Proof, verifySale } from '../launcher/verify-sale.ts';
import type { MailStats } from '../services/fake-mail/fake-mail.ts';
import type { Charges } from '../services/fake-psp/charges.ts';
import type { Fleet } from './fleet.ts';
import { until } from './pause.ts';
import type { Stage } from './stage.ts';

export type Books = {
  proofs: Proof[];
  sold: number;
  paid: number;
  captured: number;
  mails: number;
};

/**
 * Waits until no order is under way and every promised mail is sent, for `quietWithinMs` at most, and
 * then looks: what is not settled by then shows as a proof that does not hold.
 */
export function readBooks(
  { fleet, database, signal }: Pick<Stage, 'fleet' | 'database' | 'signal'>,
  quietWithinMs: number,
): Promise<Books> {
  const patience = { everyMs: 500, forMs: quietWithinMs, signal };
  return until(
    () => look(fleet, database),
    patience,
    ({ proofs }) => proofs.every(({ holds }) => holds),
  );
}

async function look(fleet: Fleet, database: Pool): Promise<Books> {
  const psp = await json<ReturnType<Charges['stats']>>(`${fleet.pspUrl}/stats`);
  const mail = await json<MailStats>(`${fleet.mailUrl}/stats`);
  const { rows } = await database.query<{
    open: number;
    paid: number;
    sold: number;
    chargeless: number;
  }>(
    `select (select count(*)::int from orders where state in ('processing', 'refunding')) as open,
       (select count(*)::int from orders where state = 'paid') as paid,
       (select count(*)::int from orders o where state = 'paid' and not exists
         (select from payments p where p.order_id = o.id and p.state = 'captured')) as chargeless,
       (select coalesce(sum(sold), 0)::int from soft_hold.sku) as sold`,
  );
  const [{ open = 0, paid = 0, sold = 0, chargeless = 0 } = {}] = rows;
  const proof = (what: string, found: number, expected: number): Proof => ({
    what,
    found,
    expected,
    holds: found === expected,
  });
  const proofs = [
    ...(await verifySale(database, psp.captured)),
    proof('tickets without a charge', chargeless, 0),
    proof('orders that nobody has settled', open, 0),
    proof('charges that only reserve money', psp.authorised, 0),
    proof('mails sent, against paid orders', mail.sent, paid),
  ];
  return { proofs, sold, paid, captured: psp.captured, mails: mail.sent };
}

async function json<T>(url: string): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return (await response.json()) as T;
}
