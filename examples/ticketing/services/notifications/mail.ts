/** What a mail says, from the database at the moment it is sent. */
import type { Pool } from 'pg';
import type { Mail } from './mail-job.ts';

export type Message = { to: string; subject: string; text: string };

type OrderRow = {
  userId: string;
  title: string;
  venue: string;
  startsAt: Date;
  seats: string[];
  amountCents: number;
  currency: string;
};

/** undefined when the order or its buyer is gone. `people` is the region's own database. */
export async function composeMail(
  { database, people }: { database: Pool; people: Pool },
  { orderId, kind }: Mail,
): Promise<Message | undefined> {
  const orders = await database.query<OrderRow>(
    `select o.user_id as "userId", e.title, e.venue, e.starts_at as "startsAt", o.seats,
       o.amount_cents as "amountCents", o.currency
     from orders o join events e on e.slug = o.event where o.id = $1`,
    [orderId],
  );
  const [order] = orders.rows;
  if (!order) return undefined;
  const buyers = await people.query<{ name: string; email: string }>(
    'select name, email from users where id = $1',
    [order.userId],
  );
  const [buyer] = buyers.rows;
  if (!buyer) return undefined;
  const row = { ...order, ...buyer };
  const seats = row.seats.join(', ');
  const amount = `${(row.amountCents / 100).toFixed(2)} ${row.currency}`;
  const when = row.startsAt.toISOString().slice(0, 16).replace('T', ' ');
  if (kind === 'refund') {
    return {
      to: row.email,
      subject: `Your tickets for ${row.title} were cancelled`,
      text: `Dear ${row.name},\n\nseats ${seats} are cancelled and ${amount} is on its way back to you.\n`,
    };
  }
  return {
    to: row.email,
    subject: `Your tickets for ${row.title}`,
    text: `Dear ${row.name},\n\nseats ${seats} are yours: ${row.title}, ${row.venue}, ${when} UTC.\nPaid: ${amount}. Order ${orderId}.\n`,
  };
}
