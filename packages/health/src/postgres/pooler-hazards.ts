/** A query that does not do what it says when a pooler gives every transaction another connection. */
export interface PoolerWarning {
  readonly code:
    | 'POOLER_NAMED_STATEMENT'
    | 'POOLER_SESSION_LOCK'
    | 'POOLER_LISTEN'
    | 'POOLER_SESSION_SETTING';
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
}

const BY_TEXT: readonly (readonly [RegExp, PoolerWarning])[] = [
  [
    /\bpg_(?:try_)?advisory_(?:lock|unlock)/i,
    {
      code: 'POOLER_SESSION_LOCK',
      message: 'a session-level advisory lock stays with a connection that the next caller gets',
      remedy: 'use pg_advisory_xact_lock',
    },
  ],
  [
    /^\s*(?:un)?listen\b/i,
    {
      code: 'POOLER_LISTEN',
      message: 'LISTEN is heard by a connection that is no longer yours',
      remedy: 'listen on a connection of its own, past the pooler',
    },
  ],
  [
    /^\s*(?:set\s+(?!local\b|transaction\b|constraints\b)|prepare\s|create\s+temp)/i,
    {
      code: 'POOLER_SESSION_SETTING',
      message: 'a setting, statement or table of the session stays with a connection of others',
      remedy: 'use SET LOCAL, ON COMMIT DROP, or a setting of the role',
    },
  ],
];

const NAMED: PoolerWarning = {
  code: 'POOLER_NAMED_STATEMENT',
  message: 'a named statement is not known to the next connection',
  remedy: 'leave the name out, or use PgBouncer 1.21 or later with max_prepared_statements',
};

/** The warnings that a query gives cause for behind a pooler in transaction mode. */
export function poolerHazards(query: unknown): PoolerWarning[] {
  const isText = typeof query === 'string';
  const { text, name } = (isText ? { text: query } : (query ?? {})) as {
    text?: unknown;
    name?: unknown;
  };
  const found = BY_TEXT.filter(([rule]) => rule.test(String(text))).map(([, warning]) => warning);
  return name ? [NAMED, ...found] : found;
}
