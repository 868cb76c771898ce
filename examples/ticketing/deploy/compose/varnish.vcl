vcl 4.1;
# nginx knows the gateways, which come and go; it lets nobody from outside purge
backend default { .host = "nginx"; .port = "8081"; .connect_timeout = 2s; .first_byte_timeout = 15s; }
acl evenkeel_purgers { "10.0.0.0"/8; "172.16.0.0"/12; "192.168.0.0"/16; }
sub vcl_recv {
  # nginx has written one address, which nobody can have written beforehand; Varnish has added nginx's
  set req.http.X-Forwarded-For = regsub(req.http.X-Forwarded-For, ",.*", "");
}
include "/etc/varnish/shop.vcl";
