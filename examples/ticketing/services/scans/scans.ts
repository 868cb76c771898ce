/**
 * The door. A ticket lets in whoever comes first: that is one row in PostgreSQL, inserted by the
 * first scan and only read by every other, whether they are milliseconds or hours apart.
 */
import type { KeyObject } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import type {
  DoorList,
  OfflineScans,
  ScanRequest,
  ScanResult,
  SyncReport,
} from '../../contract.ts';
import { audit } from '../audit.ts';
import { transaction } from '../database.ts';
import { ProblemError } from '../problem.ts';
import { publishedKey, verifyTicket } from '../tickets/ticket-code.ts';

type Scan = { id: string; code: string; at: Date };
type Where = { event: string; device: string; scannedBy: string };

export class Scans {
  readonly #database: Pool;
  readonly #key: KeyObject;

  constructor(options: { database: Pool; key: KeyObject }) {
    this.#database = options.database;
    this.#key = options.key;
  }

  /** A scan while the network is there: what it answers is final. */
  scan({ id, event, device, code }: ScanRequest, scannedBy: string): Promise<ScanResult> {
    const where = { event, device, scannedBy };
    return transaction(this.#database, (tx) =>
      this.#decide(tx, { id, code, at: new Date() }, where),
    );
  }

  /**
   * What a door has let in without network. It cannot be undone, so a ticket that had been let in
   * elsewhere is a conflict for people to look at. The same list sent again is answered the same.
   */
  async sync({ event, device, scans }: OfflineScans, scannedBy: string): Promise<SyncReport> {
    const results: ScanResult[] = [];
    for (const { id, code, at } of scans) {
      const scan = { id, code, at: new Date(at) };
      const where = { event, device, scannedBy };
      results.push(await transaction(this.#database, (tx) => this.#decide(tx, scan, where)));
    }
    const conflicts = results.filter(({ outcome }) => outcome !== 'admitted');
    for (const { id, outcome, ticket } of conflicts) {
      await audit(this.#database, {
        actor: scannedBy,
        action: 'scan.conflict',
        subject: id,
        details: { outcome, ticket, device, event },
      });
    }
    return { results, conflicts };
  }

  /** @throws ProblemError `not_found` */
  async doorList(event: string): Promise<DoorList> {
    const { rows } = await this.#database.query<{ tickets: DoorList['tickets'] | null }>(
      `select (select json_agg(json_build_object('id', t.id, 'seat', t.seat,
           'used', a.ticket_id is not null) order by t.seat)
         from tickets t left join admissions a on a.ticket_id = t.id
         where t.event = e.slug and t.voided_at is null) as tickets
       from events e where e.slug = $1`,
      [event],
    );
    const [row] = rows;
    if (!row) throw new ProblemError('not_found', 'There is no such event.');
    return {
      event,
      key: publishedKey(this.#key),
      tickets: row.tickets ?? [],
      serverNow: new Date().toISOString(),
    };
  }

  async #decide(tx: PoolClient, scan: Scan, where: Where): Promise<ScanResult> {
    const claims = verifyTicket(scan.code, this.#key);
    // the lock is what a cancellation takes too: a ticket is used or given back, never both
    const ticket = claims && (await findTicket(tx, claims.ticket));
    let outcome: ScanResult['outcome'] = 'forged';
    if (ticket && ticket.event !== where.event) outcome = 'other_event';
    else if (ticket?.isVoid) outcome = 'void';
    else if (ticket) outcome = (await admit(tx, ticket.id, scan, where)) ? 'admitted' : 'used';
    await tx.query(
      `insert into scans (id, ticket_id, event, device, scanned_by, scanned_at, outcome)
       values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
      [scan.id, ticket?.id, where.event, where.device, where.scannedBy, scan.at, outcome],
    );
    return {
      id: scan.id,
      outcome,
      ticket: ticket?.id ?? null,
      seat: ticket?.seat ?? null,
      first: outcome === 'used' && ticket ? await firstScan(tx, ticket.id) : null,
    };
  }
}

async function findTicket(tx: PoolClient, id: string) {
  const { rows } = await tx.query<{ id: string; seat: string; event: string; isVoid: boolean }>(
    `select id, seat, event, voided_at is not null as "isVoid" from tickets
     where id = $1 for update`,
    [id],
  );
  return rows[0];
}

/** True for the scan that was first, also when it asks again. */
async function admit(tx: PoolClient, ticket: string, scan: Scan, where: Where): Promise<boolean> {
  const { rows } = await tx.query<{ scanId: string }>(
    `with added as (
       insert into admissions (ticket_id, scan_id, device, scanned_at) values ($1, $2, $3, $4)
       on conflict do nothing returning scan_id)
     select scan_id as "scanId" from added
     union all select scan_id from admissions where ticket_id = $1`,
    [ticket, scan.id, where.device, scan.at],
  );
  return rows[0]?.scanId === scan.id;
}

async function firstScan(tx: PoolClient, ticket: string): Promise<ScanResult['first']> {
  const { rows } = await tx.query<{ device: string; at: Date }>(
    'select device, scanned_at as at from admissions where ticket_id = $1',
    [ticket],
  );
  const [row] = rows;
  return row ? { device: row.device, at: row.at.toISOString() } : null;
}
