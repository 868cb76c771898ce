-- people live in their home region's own database; the sale knows them by a number
alter table orders drop constraint orders_user_id_fkey;

-- where the account of an address lives, by a keyed hash of the address: it names nobody
create table homes (
  address_key text primary key,
  region text not null check (region in ('eu', 'us', 'au'))
);
