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
import { addressOf, type Service } from './service.ts';
import { generateTicketKeys } from './tickets/ticket-code.ts';

/** EX_CONFIG of sysexits.h: a supervisor sees that starting again changes nothing. */
const badConfigCode = 78;

const log = pino({ level: process.env.LOG_LEVEL || 'info', base: null });
const of = (service: string) => log.child({ service });

/** Each with its checked configuration; the code of a service is loaded only where it runs. */
const services = {
  async 'fake-psp'() {
    const config = loadConfig('fake-psp', process.env);
    return (await import('./fake-psp/service.ts')).startFakePsp(config);
  },
  async payments(PSP_URL = process.env.PSP_URL) {
    const config = loadConfig('payments', { ...process.env, PSP_URL });
    return (await import('./payments/payments.ts')).startPayments(config, of('payments'));
  },
  async gateway() {
    const config = loadConfig('gateway', process.env);
    return (await import('./gateway/gateway.ts')).startGateway(config, of('gateway'));
  },
};

const starters: Record<string, () => Promise<Service[]>> = {
  gateway: async () => [await services.gateway()],
  payments: async () => [await services.payments()],
  'fake-psp': async () => [await services['fake-psp']()],
  all() {
    const { PSP_URL, FAKE_PSP_PORT } = process.env;
    const pspUrl = PSP_URL || `http://127.0.0.1:${FAKE_PSP_PORT || 8082}`;
    return Promise.all([services['fake-psp'](), services.payments(pspUrl), services.gateway()]);
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
  const started = await start();
  const steps = (phase: 'jobs' | 'caches' | 'db') =>
    started.flatMap(({ phases }) => phases[phase] ?? []);
  const shutdown = new GracefulShutdown({
    health: {
      drain(reason) {
        for (const { health } of started) health.drain(reason);
      },
      close: async () => void (await Promise.all(started.map(({ health }) => health.close()))),
    },
    servers: started.map(({ server }) => server),
    webSocketServers: started.flatMap(({ webSockets }) => webSockets ?? []),
    lingerMs: Math.max(...started.map(({ lingerMs }) => lingerMs)),
    phases: { jobs: steps('jobs'), caches: steps('caches'), db: steps('db') },
    log: (line) => log.error(line),
  }).listen();
  end = (reason) => shutdown.run(reason);
  for (const service of started) {
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
