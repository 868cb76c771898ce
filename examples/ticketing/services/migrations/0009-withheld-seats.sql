-- seats that an organiser has taken off the sale: each is sold to the house, by a hold of its own
create table withheld_seats (
  hold_id uuid primary key,
  event text not null references events,
  sku text not null,
  seat text not null,
  withheld_at timestamptz not null default now(),
  foreign key (event, sku) references categories (event, sku)
);
create index withheld_seats_sku on withheld_seats (event, sku, withheld_at);
