create table orders (
  id uuid primary key,
  user_id uuid not null references users,
  event text not null references events,
  hold_id uuid not null,
  -- the payment's job, whose progress is the order's
  job_id text not null,
  seats text[] not null check (cardinality(seats) > 0),
  amount_cents integer not null check (amount_cents >= 0),
  currency char(3) not null,
  state text not null default 'processing'
    check (state in ('processing', 'paid', 'declined', 'expired', 'refunded')),
  created_at timestamptz not null default now(),
  completed_at timestamptz,
  check ((state = 'processing') = (completed_at is null))
);
create index orders_user on orders (user_id, created_at);
-- a hold is bought once: a second order for it waits until the first was declined
create unique index orders_hold on orders (hold_id) where state in ('processing', 'paid');

create table tickets (
  id uuid primary key,
  order_id uuid not null references orders,
  event text not null references events,
  seat text not null,
  sku text not null,
  code text not null,
  -- the last line of defence: no seat is sold twice, whatever the code above does
  unique (event, seat)
);
create index tickets_order on tickets (order_id);

-- what we asked of the payment provider and what became of it, one row an order
create table payments (
  order_id uuid primary key references orders,
  -- the provider's idempotency key: the same in every attempt, after every crash
  idempotency_key text not null unique,
  charge_id text unique,
  state text not null default 'intended'
    check (state in ('intended', 'authorised', 'captured', 'declined', 'voided', 'refunded')),
  amount_cents integer not null,
  updated_at timestamptz not null default now()
);
