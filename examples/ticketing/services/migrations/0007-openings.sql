-- when a sale opens (null: at once), and whether people wait for it in a waiting room
alter table events
  add column opens_at timestamptz,
  add column has_waiting_room boolean not null default false,
  add column admit_per_second integer not null default 50 check (admit_per_second between 1 and 10000);
