import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, expect, it } from 'vitest';

const client = fileURLToPath(new URL('fixtures/frozen-client.ts', import.meta.url));
const SECONDS = 6;
const HEALTHY_SECONDS = 2;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

interface Sample {
  readonly made: number;
  readonly answered: number;
  readonly failed: number;
  readonly inFlight: number;
  readonly heapUsed: number;
  readonly rss: number;
  readonly delayP99Ms: number;
}

/** A dependency that answers at once for two seconds of the client's life, and then never again. */
async function run(mode: 'breaker' | 'bare'): Promise<Sample[]> {
  let frozenAt = Number.POSITIVE_INFINITY;
  const server = createServer((_request, response) => {
    const now = performance.now();
    if (frozenAt === Number.POSITIVE_INFINITY) frozenAt = now + HEALTHY_SECONDS * 1_000;
    if (now < frozenAt) response.end('fine');
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const args = ['--expose-gc', '--import', 'tsx', client, `http://127.0.0.1:${port}/`, mode];
  const { stdout } = await promisify(execFile)(process.execPath, [...args, String(SECONDS)]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Sample);
}

it('a dependency that freezes costs the caller neither memory nor event loop at 1,000 calls a second', async () => {
  const [behind, bare] = await Promise.all([run('breaker'), run('bare')]);
  console.log(
    'second | in flight: breaker, bare | heap MB: breaker, bare | loop p99 ms: breaker, bare',
  );
  for (const [i, one] of behind.entries()) {
    const other = bare[i] as Sample;
    const figures = [
      [one.inFlight, other.inFlight],
      [(one.heapUsed / 1e6).toFixed(1), (other.heapUsed / 1e6).toFixed(1)],
      [one.delayP99Ms.toFixed(1), other.delayP99Ms.toFixed(1)],
    ];
    console.log([i + 1, ...figures.map((pair) => pair.join(', '))].join(' | '));
  }
  const [healthy, last] = [behind[HEALTHY_SECONDS - 1] as Sample, behind.at(-1) as Sample];
  const lastBare = bare.at(-1) as Sample;

  expect(healthy.answered).toBeGreaterThan(500);
  expect(last.made).toBeGreaterThan(5_500);
  // without a breaker every call since the freeze is still under way
  expect(lastBare.inFlight).toBeGreaterThan(3_000);
  expect(lastBare.heapUsed - (bare[HEALTHY_SECONDS - 1] as Sample).heapUsed).toBeGreaterThan(1e7);
  // with it no more than what was under way when it opened, and none of it stays
  expect(Math.max(...behind.map(({ inFlight }) => inFlight))).toBeLessThan(1_100);
  expect(last.inFlight).toBeLessThan(20);
  expect(last.heapUsed - healthy.heapUsed).toBeLessThan(5e6);
  expect(last.delayP99Ms).toBeLessThan(50);
  // a refusal of the last turn may not have reached its caller yet
  expect(last.made - last.answered - last.failed - last.inFlight).toBeLessThan(50);
});
