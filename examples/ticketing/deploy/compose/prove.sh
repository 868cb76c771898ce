#!/bin/bash
# The full topology, for real: up, tickets through the front door, one instance of each service killed, the books, down.
# Ends with 1 at the first thing that is not as it has to be, and names it.
#   PORT=8080 GRAFANA_PORT=3000 deploy/compose/prove.sh [--build]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PORT=${PORT:-8080} GRAFANA_PORT=${GRAFANA_PORT:-3000}
url=http://127.0.0.1:$PORT
services=(gateway auth catalog-us catalog-uk catalog-au inventory orders payments notifications)
begin=$SECONDS
say() { printf '%4d s  %s\n' $((SECONDS - begin)) "$*"; }
trap 'docker compose down --volumes --timeout 35 >/dev/null 2>&1 && say "down --volumes: $(docker ps -aq --filter label=com.docker.compose.project=evenkeel-ticketing | wc -l) containers left"' EXIT

# must WHAT OPERATOR WANTED COMMAND...: asks again for two minutes, because who was killed comes back in its own time
must() {
  local what=$1 operator=$2 wanted=$3 found deadline=$((SECONDS + 120))
  shift 3
  until found=$("$@") && [ "$found" "$operator" "$wanted" ] 2>/dev/null; do
    ((SECONDS < deadline)) || { say "$what: '$found', and not $operator '$wanted'"; exit 1; }
    sleep 1
  done
  say "$what: $found"
}

sql() { docker compose exec -T "$1" sh -c "PGPASSWORD=ticketing psql -h 127.0.0.1 -U postgres -d ticketing -Atc \"$2\""; }
buy() { npm run -s buy -- --url "$url" | grep -E 'paid|from login' | tr -s ' ' | tr '\n' ';'; }
status() { curl -s -o /dev/null -w '%{http_code}' "$@"; }
cached() { curl -s -o /dev/null -D - "$url$1" | tr -d '\r' | sed -n 's/^x-cache: //Ip'; }
restarts() { docker compose ps -aq | xargs docker inspect -f '{{.RestartCount}}' | awk '{ all += $1 } END { print all }'; }
mails() { docker compose exec -T fake-mail node -e "fetch('http://127.0.0.1:8088/stats').then(async (answer) => console.log((await answer.json()).sent))"; }
follows() { docker compose exec -T "$1" redis-cli info replication | tr -d '\r' | sed -n 's/^master_host://p; s/^master_link_status://p' | paste -sd ' '; }
# the containers of the services that Prometheus does not see up at this moment
unseen() {
  local up all
  up=$(docker compose exec -T prometheus wget -q -O - 'http://127.0.0.1:9090/api/v1/query?query=up==1') || return 1
  all=$(docker compose ps -aq "${services[@]}" | xargs docker inspect -f '{{.Name}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}') || return 1
  while read -r name address; do
    [[ $up == *"\"${address:-none}:9464\""* ]] || echo -n "$name "
  done <<<"$all"
}

docker compose up --wait "$@" >/dev/null 2>&1 || { docker compose ps -a; docker compose logs --tail 20; exit 1; }
say "up --wait: $(docker compose ps -q | wc -l) containers, all that have a health check are healthy"
bought=$(buy)
say "bought by the command line: $bought"
bought=$(node --conditions=@evenkeel/source --import tsx deploy/compose/buy-in-browser.ts "$url")
say "bought in Chromium: $bought"
must 'the page, asked again, comes out of Varnish' = hit cached /
must 'the list of events too' = hit cached /api/events
must 'a PURGE from outside' = 405 status -X PURGE "$url/"
must '/metrics at the front door' = 404 status "$url/metrics"

killed=0
for service in gateway auth catalog-uk inventory orders payments notifications; do
  # from inside, as a crash is: everything of the container but its init
  docker compose exec -T "$service" sh -c 'kill -9 -1' 2>/dev/null || true
  killed=$((killed + 1))
  sold=$(for i in 1 2 3 4 5 6 7 8; do buy && exit; echo -n 'refused, again;'; sleep 1; done; exit 1) ||
    { say "killed one $service; nobody could buy any more"; exit 1; }
  say "killed one $service; then: $sold"
done

must 'containers that died and were started again' -ge "$killed" restarts
must 'orders that nobody has settled' -eq 0 sql postgres "select count(*) from orders where state in ('processing', 'refunding')"
must 'seats with two tickets' -eq 0 sql postgres 'select count(*) from (select from tickets group by event, seat having count(*) > 1) t'
orders=$(sql postgres "select count(*) from orders where state = 'paid'")
must 'orders paid, one before and one after each kill at least' -ge $((killed + 2)) echo "$orders"
must 'payments captured, one an order' -eq "$orders" sql postgres "select count(*) from payments where state = 'captured'"
must 'tickets, two an order' -eq $((orders * 2)) sql postgres 'select count(*) from tickets'
must 'tickets on the PostgreSQL replica' -eq $((orders * 2)) sql postgres-replica 'select count(*) from tickets'
must 'mails sent, one an order' -eq "$orders" mails
must 'redis-global follows' = 'redis up' follows redis-global
for replica in redis-us redis-uk redis-au; do
  must "$replica follows" = 'redis-global up' follows "$replica"
done
must "instances that Prometheus does not see, of $(docker compose ps -aq "${services[@]}" | wc -l)" = '' unseen
must 'dashboards answer' = 200 status "http://127.0.0.1:$GRAFANA_PORT/api/health"
say 'all of it as it has to be'
