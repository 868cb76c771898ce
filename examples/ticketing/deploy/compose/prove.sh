#!/bin/bash
# The full topology, for real: up, tickets through the front door, one instance of each service killed, down.
#   PORT=8080 GRAFANA_PORT=3000 deploy/compose/prove.sh [--build]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PORT=${PORT:-8080} GRAFANA_PORT=${GRAFANA_PORT:-3000}
url=http://127.0.0.1:$PORT
begin=$SECONDS
say() { printf '%4d s  %s\n' $((SECONDS - begin)) "$*"; }
trap 'docker compose down --volumes --timeout 35 >/dev/null 2>&1 && say "down --volumes: $(docker ps -aq --filter label=com.docker.compose.project=evenkeel-ticketing | wc -l) containers left"' EXIT
sql() { docker compose exec -T "$1" sh -c "PGPASSWORD=ticketing psql -h 127.0.0.1 -U postgres -d ticketing -Atc \"$2\""; }
buy() { npm run -s buy -- --url "$url" | grep -E 'paid|from login' | tr -s ' ' | tr '\n' ';'; }

docker compose up --wait "$@" >/dev/null 2>&1 || { docker compose ps -a; docker compose logs --tail 20; exit 1; }
say "up --wait: $(docker compose ps -q | wc -l) containers, all that have a health check are healthy"
bought=$(buy)
say "bought by the command line: $bought"
bought=$(node --conditions=@evenkeel/source --import tsx deploy/compose/buy-in-browser.ts "$url")
say "bought in Chromium: $bought"
again() { curl -s -o /dev/null "$url$1"; curl -s -o /dev/null -D - "$url$1" | grep -i x-cache | tr -d '\r'; }
say "out of Varnish, asked twice: / $(again /), /api/events $(again /api/events); a PURGE from outside: $(curl -s -o /dev/null -w '%{http_code}' -X PURGE "$url/")"
say "/metrics at the front door: $(curl -s -o /dev/null -w '%{http_code}' "$url/metrics")"

for service in gateway auth catalog-uk inventory orders payments notifications; do
  # from inside, as a crash is: everything of the container but its init
  docker compose exec -T "$service" sh -c 'kill -9 -1' 2>/dev/null || true
  sold=$(for i in 1 2 3 4 5 6 7 8; do buy && exit; echo -n 'refused, again;'; sleep 1; done; exit 1) ||
    { say "killed one $service; nobody could buy any more"; exit 1; }
  say "killed one $service; then: $sold"
done

restarts=$(docker compose ps -q | xargs docker inspect -f '{{.RestartCount}}' | awk '{ all += $1 } END { print all }')
say "containers that died and were started again: $restarts"
tickets=$(sql postgres 'select count(*) from tickets')
captured=$(sql postgres "select count(*) from payments where state = 'captured'")
twice=$(sql postgres 'select count(*) from (select event, seat from tickets group by 1, 2 having count(*) > 1) t')
say "tickets $tickets, captured payments $captured, seats twice $twice"
[ "$tickets" = $((captured * 2)) ]
[ "$twice" = 0 ]
say "tickets on the PostgreSQL replica: $(sql postgres-replica 'select count(*) from tickets')"
for replica in redis-global redis-us redis-uk redis-au; do
  say "$replica: $(docker compose exec -T $replica redis-cli info replication | grep -E 'master_(host|link_status)' | tr -d '\r' | tr '\n' ' ')"
done
up=$(docker compose exec -T prometheus wget -q -O - 'http://127.0.0.1:9090/api/v1/query?query=count(up==1)' | grep -oE '"[0-9]+"\]' | tr -d '"]')
say "Prometheus scrapes $up instances; dashboards answer $(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$GRAFANA_PORT/api/health")"
