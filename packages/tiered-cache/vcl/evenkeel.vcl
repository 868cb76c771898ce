# Varnish as the edge of @evenkeel/tiered-cache, Varnish 6 or later. To be included after the backends:
#
#   vcl 4.1;
#   backend default { .host = "127.0.0.1"; .port = "3000"; }
#   acl evenkeel_purgers { "127.0.0.1"; "10.0.0.0"/8; }
#   include "evenkeel.vcl";
#
# It keeps a response as its Surrogate-Control says, and nothing that has none; drops by tag what
# PURGE names; and shows clients neither of the two headers.

import std;

sub vcl_recv {
  if (req.method == "PURGE") {
    if (!client.ip ~ evenkeel_purgers) {
      return (synth(403, "Not allowed"));
    }
    if (req.http.X-Purge-Pattern !~ "^[-A-Za-z0-9._%()|^$:\[\]]+$") {
      return (synth(400, "No pattern"));
    }
    ban("obj.http.Surrogate-Key ~ " + req.http.X-Purge-Pattern);
    return (synth(200, "Purged"));
  }
  if (req.method != "GET" && req.method != "HEAD") {
    return (pass);
  }
  # what is sent with credentials is for one user, unless the origin says otherwise: it is not looked up
  if (req.http.Authorization) {
    return (pass);
  }
  unset req.http.X-Purge-Pattern;
  return (hash);
}

sub vcl_backend_response {
  if (beresp.http.Surrogate-Control !~ "max-age=[0-9]+"
      || beresp.http.Surrogate-Control ~ "no-store"
      || (beresp.http.Set-Cookie && beresp.http.Surrogate-Control !~ "public")
      || beresp.status >= 500) {
    # remembered for two minutes, so that requests need not wait for one another
    set beresp.uncacheable = true;
    set beresp.ttl = 120s;
    return (deliver);
  }
  set beresp.ttl = std.duration(regsub(beresp.http.Surrogate-Control, ".*max-age=([0-9]+).*", "\1s"), 0s);
  set beresp.grace = 0s;
  if (beresp.http.Surrogate-Control ~ "stale-while-revalidate=[0-9]+") {
    set beresp.grace = std.duration(regsub(beresp.http.Surrogate-Control, ".*stale-while-revalidate=([0-9]+).*", "\1s"), 0s);
  }
  return (deliver);
}

sub vcl_deliver {
  unset resp.http.Surrogate-Control;
  unset resp.http.Surrogate-Key;
}
