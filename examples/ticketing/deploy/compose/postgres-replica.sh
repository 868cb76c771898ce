#!/bin/sh
# A streaming replica: a base copy of the primary's files, taken in backup mode, then its log as it is written.
# https://www.postgresql.org/docs/18/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP
set -eu
if [ ! -s "$PGDATA/standby.signal" ] && [ ! -e "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA" && chmod 700 "$PGDATA"
  # files may come and go while they are copied: the log mends that, so cp's complaint is no failure
  PGPASSWORD=ticketing psql -v ON_ERROR_STOP=1 -qAt -h postgres -U postgres -d postgres <<SQL
\o /dev/null
select pg_backup_start('replica', true);
\! cp -a /primary/18/docker/. "$PGDATA" 2>/dev/null || true
\o $PGDATA/backup_label
select labelfile from pg_backup_stop(false);
SQL
  rm -rf "$PGDATA/postmaster.pid" "$PGDATA/postmaster.opts"
  find "$PGDATA/pg_wal" "$PGDATA/pg_replslot" -mindepth 1 -type f -delete
  touch "$PGDATA/standby.signal"
fi
exec postgres -c hot_standby=on -c primary_conninfo='host=postgres user=replicator password=replicator application_name=replica'
