const IDENTIFIER = /^[a-z_][a-z0-9_]{0,62}$/;

/** @throws TypeError when `schema` is not a plain lower-case SQL name. */
export function checkSchema(schema: string): string {
  if (typeof schema === 'string' && IDENTIFIER.test(schema)) return schema;
  throw new TypeError(
    `Expected \`schema\` to be a lower-case SQL name of at most 63 characters, got ${String(schema)}`,
  );
}

/**
 * The tables as plain SQL, for projects that keep their own migrations; `PostgresStore.migrate()`
 * runs the same. Idempotent.
 *
 * @param schema default `soft_hold`
 */
export function migrationSql(schema = 'soft_hold'): string {
  checkSchema(schema);
  return `
CREATE SCHEMA IF NOT EXISTS ${schema};

-- one sale; epoch counts how often a board has been filled from here
CREATE TABLE IF NOT EXISTS ${schema}.pool (
  pool text PRIMARY KEY,
  epoch bigint NOT NULL DEFAULT 0,
  board text NOT NULL DEFAULT 'redis' CHECK (board IN ('redis', 'store')), -- where holds are granted
  paused boolean NOT NULL DEFAULT false,
  opened_at timestamptz NOT NULL DEFAULT now(),
  -- of the store's own board: position, grants, least time, how often totals were changed
  seq bigint NOT NULL DEFAULT 0,
  grants bigint NOT NULL DEFAULT 0,
  clock bigint NOT NULL DEFAULT 0,
  totals bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- the final count: no CHECK of the application's stands between it and the truth
CREATE TABLE IF NOT EXISTS ${schema}.sku (
  pool text NOT NULL,
  sku text NOT NULL,
  total integer NOT NULL CHECK (total >= 0),
  opened integer NOT NULL, -- the total open() was called with
  sold integer NOT NULL DEFAULT 0 CHECK (sold >= 0 AND sold <= total),
  epoch bigint NOT NULL DEFAULT 0,
  seats text[],
  map jsonb, -- how the seats lie
  PRIMARY KEY (pool, sku)
) WITH (fillfactor = 50);

-- the decision: whoever inserts the row first has decided about the hold, for good
CREATE TABLE IF NOT EXISTS ${schema}.outcome (
  pool text NOT NULL,
  hold_id text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('sold', 'void', 'returned')),
  holder text NOT NULL,
  items text NOT NULL,
  want text NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (pool, hold_id)
);

-- no seat twice
CREATE TABLE IF NOT EXISTS ${schema}.seat (
  pool text NOT NULL,
  sku text NOT NULL,
  seat text NOT NULL,
  hold_id text NOT NULL,
  PRIMARY KEY (pool, sku, seat)
);

-- granted holds, written behind, so that a lost Redis does not lose them; times in ms of the Redis clock
CREATE TABLE IF NOT EXISTS ${schema}.journal (
  pool text NOT NULL,
  hold_id text NOT NULL,
  token bigint NOT NULL,
  holder text NOT NULL,
  items text NOT NULL,
  want text NOT NULL DEFAULT '',
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  ended boolean NOT NULL DEFAULT false,
  PRIMARY KEY (pool, hold_id)
);

-- the store's own board: holds of pools without Redis, and of others while Redis is away
CREATE TABLE IF NOT EXISTS ${schema}.hold (
  pool text NOT NULL,
  hold_id text NOT NULL,
  state text NOT NULL,
  token bigint NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  holder text NOT NULL,
  items text NOT NULL,
  want text NOT NULL,
  due_at bigint NOT NULL,
  seq bigint NOT NULL, -- when it changed last: processes read on from where they stand
  PRIMARY KEY (pool, hold_id)
) WITH (fillfactor = 70);
CREATE INDEX IF NOT EXISTS hold_seq ON ${schema}.hold (pool, seq);

-- its feed, the last few thousand steps
CREATE TABLE IF NOT EXISTS ${schema}.step (
  pool text NOT NULL,
  seq bigint NOT NULL, -- epoch * 2^32 + position
  counts text NOT NULL,
  log text NOT NULL,
  PRIMARY KEY (pool, seq)
);
`.trimStart();
}
