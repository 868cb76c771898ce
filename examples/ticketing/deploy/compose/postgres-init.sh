#!/bin/sh
# Runs once, when the primary is new: the replica's own login, for replication and nothing else.
set -eu
echo 'host replication replicator all scram-sha-256' >> "$PGDATA/pg_hba.conf"
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -c "create role replicator replication login password 'replicator'"
