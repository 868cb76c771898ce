import { useEffect, useState } from 'preact/hooks';
import { paths } from '../../addresses.ts';
import type { Order, Ticket, TicketKey } from '../../contract.ts';
import { call } from './api.ts';
import { showTime } from './format.ts';
import { QrCode } from './qr-code.tsx';
import { event } from './sale.ts';
import type { Verdict } from './verify-ticket.ts';
import { verifyTicket } from './verify-ticket.ts';

/** The tickets of a paid order. The public key comes with them once, so that checking needs no network. */
export function Tickets({ order }: { order: Order }) {
  const [key, setKey] = useState<TicketKey | null>(null);
  useEffect(() => {
    call<TicketKey>('GET', paths.ticketKey).then(setKey, () => setKey(null));
  }, []);
  return (
    <ul class="tickets">
      {order.tickets.map((ticket) => (
        <TicketCard key={ticket.id} ticket={ticket} order={order} publicKey={key} />
      ))}
    </ul>
  );
}

type TicketCardProps = { ticket: Ticket; order: Order; publicKey: TicketKey | null };

function TicketCard({ ticket, order, publicKey }: TicketCardProps) {
  const [row, seat] = ticket.seat.split('-');
  const show = event.value?.slug === order.event ? event.value : null;
  const category = show?.categories.findIndex(({ name }) => name === ticket.category) ?? 0;
  return (
    <li class={`ticket area-${Math.max(0, category)}`}>
      <div class="ticket-body">
        <p class="ticket-category">{ticket.category}</p>
        <h3>{order.title}</h3>
        {show && (
          <p class="ticket-when">
            {showTime(show).day}, {showTime(show).hour}
            <br />
            {show.venue}, {show.city}
          </p>
        )}
        <dl class="ticket-seat">
          <div>
            <dt>Row</dt>
            <dd>{row}</dd>
          </div>
          <div>
            <dt>Seat</dt>
            <dd>{seat}</dd>
          </div>
        </dl>
        <SignatureCheck code={ticket.code} ticket={ticket} publicKey={publicKey} />
      </div>
      <div class="ticket-code">
        <QrCode text={ticket.code} label={`QR code of the ticket for row ${row}, seat ${seat}`} />
        <p class="mono">{ticket.id.slice(0, 8)}</p>
      </div>
    </li>
  );
}

type SignatureCheckProps = { code: string; ticket: Ticket; publicKey: TicketKey | null };

function SignatureCheck({ code, ticket, publicKey }: SignatureCheckProps) {
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  if (!verdict) {
    return (
      <button
        type="button"
        class="button is-quiet"
        disabled={!publicKey}
        onClick={() => publicKey && void verifyTicket(code, publicKey).then(setVerdict)}
      >
        Verify offline
      </button>
    );
  }
  const genuine = verdict.result === 'genuine' && verdict.claims.ticket === ticket.id;
  return (
    <p class={`verdict ${genuine ? 'is-genuine' : ''}`} role="status">
      {genuine && '✓ Genuine. The signature was checked on this device, without any server.'}
      {verdict.result === 'unsupported' &&
        'This browser cannot check Ed25519 signatures. The scanner at the door can.'}
      {!genuine &&
        verdict.result !== 'unsupported' &&
        'This code does not carry a valid signature.'}
    </p>
  );
}
