create table events (
  slug text primary key,
  title text not null,
  tagline text not null,
  venue text not null,
  city text not null,
  starts_at timestamptz not null,
  currency char(3) not null
);

create table categories (
  event text not null references events,
  sku text not null,
  name text not null,
  price_cents integer not null check (price_cents >= 0),
  position integer not null,
  primary key (event, sku)
);

-- a row of seats is numbered 1..seats; the id of a seat is <row>-<number>
create table seat_rows (
  event text not null,
  row text not null check (row ~ '^[A-Z]{1,2}$'),
  sku text not null,
  seats integer not null check (seats between 1 and 999),
  primary key (event, row),
  foreign key (event, sku) references categories (event, sku)
);
