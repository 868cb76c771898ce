import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onPort } from '../../../../test/backends/free-port.ts';
import { NativeServer } from '../../../../test/backends/native-server.ts';
import { removeFolder, temporaryFolder } from '../../../../test/backends/reaper.ts';
import { requireProgram } from '../../../../test/backends/system-package.ts';

const vcl = join(import.meta.dirname, '../../vcl/evenkeel.vcl');

/** A real Varnish with the VCL of this package in front of an origin on 127.0.0.1. */
export async function startVarnish(originPort: number): Promise<NativeServer> {
  const packages = ['varnish'];
  const command = await requireProgram({
    name: 'Varnish',
    commands: ['varnishd', '/usr/sbin/varnishd'],
    packages: { 'apt-get': packages, dnf: packages, apk: packages, brew: packages },
    otherwise: 'put varnishd on the PATH',
  });
  return await onPort(undefined, async (port) => {
    const folder = await temporaryFolder('varnish');
    const main = `vcl 4.1;
backend default { .host = "127.0.0.1"; .port = "${originPort}"; }
acl evenkeel_purgers { "127.0.0.1"; }
include "${vcl}";
`;
    await writeFile(join(folder, 'main.vcl'), main);
    const server = new NativeServer({
      name: 'Varnish',
      version: '',
      url: `http://127.0.0.1:${port}`,
      port,
      folder,
      command,
      args: [
        ...['-F', '-j', 'none', '-n', join(folder, 'varnish'), '-f', join(folder, 'main.vcl')],
        ...['-a', `127.0.0.1:${port}`, '-s', 'malloc,64m'],
      ],
      ready: /Child launched OK/,
      readyTimeoutMs: 20_000,
      stopSignal: 'SIGTERM',
    });
    try {
      return await server.start();
    } catch (error) {
      await removeFolder(folder);
      throw error;
    }
  });
}
