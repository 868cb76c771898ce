# What the shop's Varnish does with a request, here and in containers. Whoever includes it names the backends
# and `acl evenkeel_purgers` before; evenkeel.vcl of @evenkeel/tiered-cache keeps and drops what the services say.
import std;

sub vcl_recv {
  # metrics and the like are not for the world
  if (req.url ~ "^/(metrics|startup|health)") { return (synth(404)); }
  if (req.http.Upgrade) { return (pipe); }
  if (req.method == "GET" && req.url ~ "^/api/events(/[-a-z0-9]+)?$" || req.url !~ "^/(api|ready|live)") {
    # the same for everybody: whose request it is does not matter
    unset req.http.Cookie;
    unset req.http.Authorization;
  } else if (req.method != "PURGE") {
    # kept until it is answered, so that it can be asked again
    if (!std.cache_req_body(64KB)) { return (synth(413)); }
    return (pass);
  }
}

sub vcl_pipe {
  set bereq.http.Upgrade = req.http.Upgrade;
  set bereq.http.Connection = req.http.Connection;
}

# an instance that is gone is not the buyer's trouble; every write here may be repeated, its id is the client's
sub vcl_backend_response {
  if (beresp.status == 503 && bereq.retries < 2) { return (retry); }
}
sub vcl_backend_error {
  if (bereq.retries < 2) { return (retry); }
}

sub vcl_deliver {
  if (obj.hits > 0) { set resp.http.X-Cache = "hit"; } else { set resp.http.X-Cache = "miss"; }
}

include "evenkeel.vcl";
