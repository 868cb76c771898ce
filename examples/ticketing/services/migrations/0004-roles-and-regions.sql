-- what somebody may do, and where their data lives
alter table users
  add column role text not null default 'buyer' check (role in ('buyer', 'organiser', 'scanner')),
  add column region text not null default 'eu' check (region in ('eu', 'us', 'au'));
