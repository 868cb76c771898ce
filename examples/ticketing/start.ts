/**
 * `npm start`: the whole shop on this machine, until Ctrl-C.
 *
 *   servers + pages -> fake-psp, payments, gateway -> a first ticket -> your turn
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { BackendError, type Backends, startBackends } from '../../test/backends.ts';
import { demoAccount } from './addresses.ts';
import { controlRoom } from './launcher/control-room.ts';
import { receipt, sellFirstTicket } from './launcher/first-ticket.ts';
import { startFullTopology } from './launcher/full-topology.ts';
import { interruptedCode, interruption } from './launcher/interruption.ts';
import { help, type Options, parseOptions, StartError } from './launcher/options.ts';
import { buildPages, pagesAreStale } from './launcher/pages.ts';
import { claimPort } from './launcher/ports.ts';
import { Shop } from './launcher/shop.ts';
import { Steps, seconds } from './launcher/steps.ts';
import { firstNight } from './services/catalog/seed.ts';

/** Starts everything, sells, waits; whatever happens, what was started is stopped at the end. */
async function run(options: Options, steps: Steps, interrupted: AbortSignal): Promise<void> {
  const begin = performance.now();
  const started: { name: string; stop: () => Promise<unknown> }[] = [];
  try {
    const port = await claimPort(options.port);
    const [backends] = await allOrNone([
      steps.run('Redis, PostgreSQL and Kafka', async () => {
        const log = (line: string) => steps.line(`  ${line}`);
        const start = options.full ? startFullTopology : startBackends;
        const servers = await start({ port, log, signal: interrupted });
        started.push({ name: 'servers', stop: () => servers.stop() });
        return servers;
      }),
      (await pagesAreStale()) ? steps.run('pages built', () => buildPages(interrupted)) : undefined,
    ]);
    interrupted.throwIfAborted();

    const topology = 'shop' in backends ? backends.shop : { env: backends.env };
    const shop = await Shop.prepare({
      port,
      ...topology,
      env: {
        ...topology.env,
        PSP_LATENCY_MS: String(options.pspLatencyMs),
        PSP_ERROR_RATE: String(options.pspErrorRate),
      },
      onLine: (service, line) => options.verbose && steps.line(`${service.padEnd(8)} ${line}`),
      onCrash: (service, how, backOffMs) =>
        steps.line(`! ${service} ended (${how}), starts again in ${seconds(backOffMs)}`),
    });
    started.push({ name: 'shop', stop: () => shop.stop() });
    const processes = `${shop.processes.length} processes of the services`;
    await steps.run(processes, () => shop.start(interrupted));

    if (options.firstTicket) {
      const sell = () => sellFirstTicket(shop.url, firstNight.slug, interrupted);
      const sale = await steps.run('first ticket sold', sell).catch((error) => {
        interrupted.throwIfAborted();
        throw new StartError(`${error.message}. --no-first-ticket starts without one.`);
      });
      steps.line(`\n${receipt(sale)}\n`);
    }
    const control = options.control ? await openControlRoom(shop, backends) : undefined;
    if (control) started.push({ name: 'control room', stop: control.close });
    steps.line(`Ready after ${seconds(performance.now() - begin)}.\n`);
    if (options.once) return;
    steps.line(`  the shop           ${shop.url}`);
    steps.line(`  log in with        ${demoAccount.email} / ${shop.demoPassword}`);
    steps.line(`  health             ${shop.url}/ready`);
    steps.line(`  payment provider   ${shop.pspUrl}/stats\n`);
    if (control) steps.line(`  control room       ${control.url}/control#${control.token}\n`);
    steps.line('Ctrl-C stops everything.');
    await aborted(interrupted);
    steps.line('');
  } finally {
    for (const { name, stop } of started.reverse()) {
      await steps.run(`${name} stopped`, stop).catch((error) => steps.line(String(error)));
    }
  }
}

async function openControlRoom(shop: Shop, backends: Pick<Backends, 'databaseUrl' | 'ownRedis'>) {
  const token = randomBytes(18).toString('base64url');
  const database = new pg.Pool({ connectionString: backends.databaseUrl, max: 2 });
  database.on('error', () => {});
  const room = controlRoom({ shop, database, redis: backends.ownRedis, token });
  const url = await room.listen({ host: '127.0.0.1', port: 0 });
  const close = async () => {
    await room.close();
    await database.end();
  };
  return { url, token, close };
}

/** Waits for all even when one fails, so that nothing is still starting while the rest is stopped. */
async function allOrNone<T extends readonly unknown[]>(work: T) {
  const settled = await Promise.allSettled(work);
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  return Promise.all(work);
}

/** The signal's listener holds nothing open, so a timer keeps the process alive. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const alive = setInterval(() => {}, 60_000);
    const end = () => {
      clearInterval(alive);
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(help);
  else {
    const interrupted = interruption();
    const steps = new Steps();
    await run(options, steps, interrupted);
    // a vite or fetch handle that lingers must not keep a stopped shop on the screen
    process.exit(0);
  }
} catch (error) {
  const isKnown = error instanceof StartError || error instanceof BackendError;
  console.error(isKnown ? error.message : error);
  process.exit(
    error instanceof StartError && error.message === 'Interrupted.' ? interruptedCode : 1,
  );
}
