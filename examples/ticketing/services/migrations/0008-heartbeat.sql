-- One row that says how far a replica is behind: replicaLagCheck of @evenkeel/health writes it on the primary and
-- looks for it on the replica.
create table evenkeel_heartbeat (
  id int primary key check (id = 1),
  seq bigint not null,
  beat timestamptz not null
);
