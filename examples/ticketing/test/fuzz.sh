#!/bin/bash
# Fuzzes the API of a shop that runs, from its own document: test/fuzz.sh [URL] [EXAMPLES]
# Needs schemathesis 4 (pip install schemathesis). Logs in as the demo's organiser, so that every route is reached.
set -euo pipefail
url=${1:-http://127.0.0.1:8080}
case $url in http://127.0.0.1:* | http://localhost:*) ;; *) echo "only on this machine, not $url" >&2; exit 64 ;; esac
token=$(curl -fsS "$url/api/session" -H 'content-type: application/json' \
  -d "{\"email\":\"organiser@evenkeel.example\",\"password\":\"${DEMO_PASSWORD:-a quiet evening}\"}" |
  node -p 'JSON.parse(require("node:fs").readFileSync(0, "utf8")).accessToken')
# what it finds it keeps in the folder it runs in
cd "$(mktemp -d)"
exec schemathesis run "$url/openapi.json" --url "$url" -H "Authorization: Bearer $token" --max-examples "${2:-50}" \
  --checks not_a_server_error,response_schema_conformance,status_code_conformance,content_type_conformance
