/** Varnish in front of the gateways, where it is installed: it keeps the pages and spreads everything else. */
import { access, constants, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NativeServer } from '../../../test/backends/native-server.ts';
import { temporaryFolder } from '../../../test/backends/reaper.ts';
import { runCommand } from '../../../test/backends/run-command.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const includes = [here('../deploy/varnish'), here('../../../packages/tiered-cache/vcl')];

/** Debian puts it where only root looks. */
const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];

/** `varnishd` of this machine, or undefined. */
export async function findVarnish(): Promise<string | undefined> {
  for (const folder of folders.filter((one) => one !== '')) {
    const path = join(folder, 'varnishd');
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return path;
  }
  return undefined;
}

/** Listens on `port` of 127.0.0.1 in front of the gateways on `gateways`, which need not be up yet. */
export async function startVarnish(
  command: string,
  port: number,
  gateways: readonly number[],
): Promise<NativeServer> {
  const version = /varnish-([\d.]+)/.exec(await runCommand(command, ['-V']))?.[1];
  const folder = await temporaryFolder('varnish');
  const file = join(folder, 'shop.vcl');
  await writeFile(file, backends(gateways), { mode: 0o644 });
  const server = new NativeServer({
    name: 'Varnish',
    version: version ?? 'of unknown version',
    url: `http://127.0.0.1:${port}`,
    port,
    folder,
    command,
    args: [
      ...['-F', '-j', 'none'],
      ...['-a', `127.0.0.1:${port}`],
      ...['-f', file, '-p', `vcl_path=${includes.join(':')}`],
      ...['-n', join(folder, 'work'), '-s', 'malloc,64m'],
    ],
    ready: /Child launched OK|Said Child starts/,
    readyTimeoutMs: 30_000,
    stopSignal: 'SIGTERM',
  });
  return server.start();
}

/** The gateways in turn, those that are ready. What holds for every request is in deploy/varnish/shop.vcl. */
function backends(gateways: readonly number[]): string {
  const each = (line: (port: number) => string) => gateways.map(line).join('\n');
  return `vcl 4.1;
import directors;
probe ready { .url = "/ready"; .interval = 500ms; .timeout = 2s; .window = 3; .threshold = 2; .initial = 1; }
${each(
  (port) => `backend gateway_${port} {
  .host = "127.0.0.1"; .port = "${port}"; .probe = ready; .connect_timeout = 2s; .first_byte_timeout = 15s;
}`,
)}
acl evenkeel_purgers { "127.0.0.1"; }
sub vcl_init {
  new gateways = directors.round_robin();
${each((port) => `  gateways.add_backend(gateway_${port});`)}
}
sub vcl_recv {
  set req.backend_hint = gateways.backend();
  # one address, which nobody can have written beforehand
  set req.http.X-Forwarded-For = client.ip;
}
# asked again, it is another one
sub vcl_backend_fetch { set bereq.backend = gateways.backend(); }
include "shop.vcl";
`;
}
