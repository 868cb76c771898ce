create table users (
  id uuid primary key,
  email text not null,
  name text not null,
  password_hash text not null,
  created_at timestamptz not null default now()
);
-- Ada@example.com and ada@example.com are one account
create unique index users_email on users (lower(email));
