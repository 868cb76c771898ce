import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';

const TIMEOUT_MS = 1_000;

/** Where a Docker daemon may listen, in the order in which testcontainers looks for it. */
function endpoints(): object[] {
  if (env.DOCKER_HOST) {
    const url = new URL(env.DOCKER_HOST);
    if (url.protocol === 'unix:') return [{ socketPath: url.pathname }];
    return [{ host: url.hostname, port: url.port || '2375' }];
  }
  const runtime = env.XDG_RUNTIME_DIR ? [join(env.XDG_RUNTIME_DIR, 'docker.sock')] : [];
  const home = ['.docker/run/docker.sock', '.docker/desktop/docker.sock'];
  const sockets = [
    '/var/run/docker.sock',
    ...runtime,
    ...home.map((path) => join(homedir(), path)),
  ];
  return sockets.filter((path) => existsSync(path)).map((socketPath) => ({ socketPath }));
}

function answers(endpoint: object): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request({ ...endpoint, path: '/_ping', timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    call.once('timeout', () => call.destroy());
    call.once('error', () => resolve(false));
    call.end();
  });
}

/** Whether a Docker daemon answers; under a millisecond where there is none. */
export async function dockerAnswers(): Promise<boolean> {
  for (const endpoint of endpoints()) if (await answers(endpoint)) return true;
  return false;
}
