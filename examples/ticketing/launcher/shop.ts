/** The shop's three processes on one machine: started together, watched, and ended in order. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { demoAccount } from '../addresses.ts';
import { generateTicketKeys } from '../services/tickets/ticket-code.ts';
import { StartError } from './options.ts';
import { freePort } from './ports.ts';
import { ServiceProcess } from './service-process.ts';

export type ShopOptions = {
  /** REDIS_URL, DATABASE_URL and KAFKA_BROKERS, and whatever else the services shall be told */
  env: Record<string, string>;
  /** where the gateway listens */
  port: number;
  onLine?: (service: string, line: string) => void;
  onCrash?: (service: string, how: string, backOffMs: number) => void;
};

const readyTimeoutMs = 60_000;

export class Shop {
  readonly url: string;
  readonly pspUrl: string;
  readonly demoPassword: string;
  readonly gateway: ServiceProcess;
  readonly payments: ServiceProcess;
  readonly psp: ServiceProcess;
  readonly #ready: ReadonlyMap<ServiceProcess, string>;

  private constructor(options: ShopOptions, ports: { payments: number; psp: number }) {
    const local = (port: number) => `http://127.0.0.1:${port}`;
    this.url = local(options.port);
    this.pspUrl = local(ports.psp);
    const given = { ...process.env, ...options.env };
    this.demoPassword = given.DEMO_PASSWORD || demoAccount.password;
    const { privateKey, publicKey } = generateTicketKeys();

    const start = (name: string, env: Record<string, string>) =>
      new ServiceProcess({
        name,
        // nobody is on the way to a port of this machine that closes
        env: { HOST: '127.0.0.1', LINGER_MS: '100', ...options.env, ...env },
        onLine: (line) => options.onLine?.(name, line),
        onCrash: (how, backOffMs) => options.onCrash?.(name, how, backOffMs),
      });
    this.psp = start('fake-psp', { FAKE_PSP_PORT: String(ports.psp) });
    this.payments = start('payments', {
      PAYMENTS_PORT: String(ports.payments),
      PSP_URL: this.pspUrl,
      TICKET_PRIVATE_KEY: given.TICKET_PRIVATE_KEY || privateKey,
    });
    this.gateway = start('gateway', {
      GATEWAY_PORT: String(options.port),
      ACCESS_TOKEN_SECRET: given.ACCESS_TOKEN_SECRET || randomBytes(32).toString('base64url'),
      DEMO_PASSWORD: this.demoPassword,
      TICKET_PUBLIC_KEY: given.TICKET_PUBLIC_KEY || publicKey,
    });
    this.#ready = new Map([
      [this.psp, this.pspUrl],
      [this.payments, local(ports.payments)],
      [this.gateway, this.url],
    ]);
  }

  /** Takes ports for it; nothing runs yet. */
  static async prepare(options: ShopOptions): Promise<Shop> {
    const [payments, psp] = await Promise.all([freePort(), freePort()]);
    return new Shop(options, { payments, psp });
  }

  /** Starts the processes; resolves when all say that they are ready. @throws StartError */
  async start(signal?: AbortSignal): Promise<void> {
    for (const service of this.#ready.keys()) service.start();
    await Promise.all([...this.#ready].map(([service, url]) => untilReady(service, url, signal)));
  }

  /**
   * The gateway first, so that nothing new begins; then the worker, which finishes what it has; then
   * what it needed. Resolves with those that did not end by themselves.
   */
  async stop(): Promise<string[]> {
    const killed: string[] = [];
    for (const service of [this.gateway, this.payments, this.psp]) {
      if (!(await service.stop())) killed.push(service.name);
    }
    return killed;
  }
}

async function untilReady(service: ServiceProcess, url: string, signal?: AbortSignal) {
  const deadline = performance.now() + readyTimeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    service.assertAlive();
    const isReady = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(5_000) }).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) return service.confirmReady();
    if (performance.now() > deadline) {
      throw new StartError(`${service.name} was not ready after ${readyTimeoutMs / 1_000} s.`);
    }
    await sleep(100);
  }
}
