/**
 * Runs services from the environment alone, as a container does:
 *
 *   main.ts gateway | payments | fake-psp   one of them
 *   main.ts all                             the three in one process
 *   main.ts keys                            prints a fresh set of secrets and ends
 *
 * SIGTERM or SIGINT ends it: readiness goes first, then the jobs at hand, then the connections.
 */
import { randomBytes } from 'node:crypto';
import { GracefulShutdown } from '@evenkeel/health';
import { pino } from 'pino';
import { ConfigError, loadConfig } from './config.ts';
import { startFakePsp } from './fake-psp/service.ts';
import { startGateway } from './gateway/gateway.ts';
import { startPayments } from './payments/payments.ts';
import { addressOf, type Service } from './service.ts';
import { generateTicketKeys } from './tickets/ticket-code.ts';

/** EX_CONFIG of sysexits.h: a supervisor sees that starting again changes nothing. */
const badConfigCode = 78;

const log = pino({ level: process.env.LOG_LEVEL || 'info', base: null });
const of = (service: string) => log.child({ service });

const starters: Record<string, () => Promise<Service[]>> = {
  'fake-psp': async () => [await startFakePsp(loadConfig('fake-psp', process.env))],
  gateway: async () => [await startGateway(loadConfig('gateway', process.env), of('gateway'))],
  payments: async () => [await startPayments(loadConfig('payments', process.env), of('payments'))],
  async all() {
    const psp = loadConfig('fake-psp', process.env);
    const PSP_URL = process.env.PSP_URL || `http://127.0.0.1:${psp.FAKE_PSP_PORT}`;
    const payments = loadConfig('payments', { ...process.env, PSP_URL });
    const gateway = loadConfig('gateway', process.env);
    return Promise.all([
      startFakePsp(psp),
      startPayments(payments, of('payments')),
      startGateway(gateway, of('gateway')),
    ]);
  },
};

function printKeys(): void {
  const { privateKey, publicKey } = generateTicketKeys();
  console.log(`ACCESS_TOKEN_SECRET=${randomBytes(32).toString('base64url')}`);
  console.log(`TICKET_PRIVATE_KEY=${privateKey}`);
  console.log(`TICKET_PUBLIC_KEY=${publicKey}`);
}

/** A launcher that dies without a word closes the channel to us: then we end as well. */
let end = async (_reason: string): Promise<{ exitCode: number }> => ({ exitCode: 1 });
process.once('disconnect', async () => process.exit((await end('the launcher is gone')).exitCode));

async function run(name: string): Promise<void> {
  const start = starters[name];
  if (!start) {
    const names = [...Object.keys(starters), 'keys'].join(' | ');
    throw new ConfigError('main.ts', [`expected ${names}, got "${name}"`]);
  }
  const services = await start();
  const steps = (phase: 'jobs' | 'caches' | 'db') =>
    services.flatMap(({ phases }) => phases[phase] ?? []);
  const shutdown = new GracefulShutdown({
    health: {
      drain(reason) {
        for (const { health } of services) health.drain(reason);
      },
      close: async () => void (await Promise.all(services.map(({ health }) => health.close()))),
    },
    servers: services.map(({ server }) => server),
    webSocketServers: services.flatMap(({ webSockets }) => webSockets ?? []),
    lingerMs: Math.max(...services.map(({ lingerMs }) => lingerMs)),
    phases: { jobs: steps('jobs'), caches: steps('caches'), db: steps('db') },
    log: (line) => log.error(line),
  }).listen();
  end = (reason) => shutdown.run(reason);
  for (const service of services) {
    await service.listen();
    log.info({ service: service.name, url: addressOf(service.server) }, `${service.name} is up`);
  }
}

const [name = ''] = process.argv.slice(2);
if (name === 'keys') printKeys();
else {
  run(name).catch((error) => {
    if (error instanceof ConfigError) console.error(error.message);
    else log.fatal({ err: error }, `${name} cannot start: ${(error as Error).message}`);
    process.exit(error instanceof ConfigError ? badConfigCode : 1);
  });
}
