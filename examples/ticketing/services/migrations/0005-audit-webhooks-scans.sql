-- who did what to whom; services may add to it and read it, and nobody may change it
create table audit_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  -- a user's id, or the name of a service
  actor text not null,
  action text not null,
  subject text not null,
  details jsonb not null default '{}'
);
create index audit_log_at on audit_log (at);

-- every event of the payment provider that was heard, once
create table psp_events (
  id text primary key,
  type text not null,
  charge_id text not null,
  sequence integer not null,
  received_at timestamptz not null default now()
);

-- a cancelled order gives its seats back, so a seat may be sold again: not twice at a time
alter table orders drop constraint orders_state_check, drop constraint orders_check;
alter table orders
  add constraint orders_state check
    (state in ('processing', 'paid', 'declined', 'expired', 'refunding', 'refunded')),
  add constraint orders_completed check ((state = 'processing') = (completed_at is null)),
  add column cancelled_at timestamptz,
  add column region text not null default 'eu' check (region in ('eu', 'us', 'au'));
alter table tickets add column voided_at timestamptz;
alter table tickets drop constraint tickets_event_seat_key;
create unique index tickets_seat on tickets (event, seat) where voided_at is null;

-- whoever inserts the row lets the ticket in, every other scan of it can only read who did
create table admissions (
  ticket_id uuid primary key references tickets,
  scan_id uuid not null,
  device text not null,
  scanned_at timestamptz not null
);
-- every scan that was heard of, once: a scanner that was offline may send its list again
create table scans (
  id uuid primary key,
  ticket_id uuid,
  event text not null,
  device text not null,
  scanned_by uuid not null,
  scanned_at timestamptz not null,
  received_at timestamptz not null default now(),
  outcome text not null check (outcome in ('admitted', 'used', 'void', 'forged', 'other_event'))
);
create index scans_event on scans (event, received_at);
