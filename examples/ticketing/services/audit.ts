/** Who did what to whom: written in the transaction that does it, so neither is without the other. */
type Sql = { query(text: string, values: unknown[]): Promise<unknown> };

export type AuditEntry = {
  /** a user's id, or the name of a service; never a name or an address */
  actor: string;
  /** such as `order.cancel` */
  action: string;
  subject: string;
  /** plain data without secrets */
  details?: Record<string, unknown>;
};

export async function audit(sql: Sql, { actor, action, subject, details = {} }: AuditEntry) {
  await sql.query(
    'insert into audit_log (actor, action, subject, details) values ($1, $2, $3, $4)',
    [actor, action, subject.slice(0, 200), JSON.stringify(details)],
  );
}
