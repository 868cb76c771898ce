vcl 4.1;
# The shop says what may be kept and how long (Cache-Control); this only sees to it that it can be.
backend default { .host = "nginx"; .port = "8081"; .connect_timeout = 2s; .first_byte_timeout = 15s; }
sub vcl_recv {
  # the pages are the same for everybody; the session's cookie is for the API
  unset req.http.Cookie;
}
sub vcl_backend_response {
  # a shop that is away for a moment still has its pages
  set beresp.grace = 1h;
}
sub vcl_deliver {
  if (obj.hits > 0) { set resp.http.X-Cache = "hit"; } else { set resp.http.X-Cache = "miss"; }
}
