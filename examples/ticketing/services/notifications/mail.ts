/** What a mail says, from the database at the moment it is sent. */
import type { Pool } from 'pg';
import type { Mail } from './mail-job.ts';

export type Message = { to: string; subject: string; text: string };

type Row = {
  name: string;
  email: string;
  title: string;
  venue: string;
  startsAt: Date;
  seats: string[];
  amountCents: number;
  currency: string;
};

/** undefined when the order or its buyer is gone. */
export async function composeMail(
  database: Pool,
  { orderId, kind }: Mail,
): Promise<Message | undefined> {
  const { rows } = await database.query<Row>(
    `select u.name, u.email, e.title, e.venue, e.starts_at as "startsAt", o.seats,
       o.amount_cents as "amountCents", o.currency
     from orders o join users u on u.id = o.user_id join events e on e.slug = o.event
     where o.id = $1`,
    [orderId],
  );
  const [row] = rows;
  if (!row) return undefined;
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
