/** The shop's processes on one machine: started together, watched, and ended in order. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { demoAccount, paths } from '../addresses.ts';
import { apiServices } from '../api-route.ts';
import { AccessTokens } from '../services/auth/access-token.ts';
import { portOf, type ServiceName, urlOf } from '../services/config.ts';
import { generateTicketKeys } from '../services/tickets/ticket-code.ts';
import { Balancer } from './balancer.ts';
import { StartError } from './options.ts';
import { freePort } from './ports.ts';
import { ServiceProcess } from './service-process.ts';

export type ShopOptions = {
  /** REDIS_URL, DATABASE_URL and KAFKA_BROKERS, and whatever else the services shall be told */
  env: Record<string, string>;
  /** where the gateway listens */
  port: number;
  /**
   * `compact` (default): what a browser talks to in one process, the workers in a second, the
   * stand-ins in a third. `apart`: each service in a process of its own.
   */
  layout?: keyof typeof layouts;
  /** what only one service is told, such as a database role of its own */
  envOf?: Partial<Record<ServiceName, Record<string, string>>>;
  /** `apart` only: a service runs once for each entry, which it is told besides, all behind one address */
  instances?: Partial<Record<ServiceName, readonly Record<string, string>[]>>;
  /** opens the front door on `port` before gateways that are not up yet. Default: a balancer */
  openFront?: (port: number, gateways: readonly number[]) => Promise<Front>;
  onLine?: (service: string, line: string) => void;
  onCrash?: (service: string, how: string, backOffMs: number) => void;
};

/** Stands before instances of a service. */
export type Front = { stop: () => Promise<unknown> };

/** In the order in which they are stopped: nothing new begins, then the workers finish, then the rest. */
const layouts = {
  compact: [
    ['gateway', 'auth', 'catalog', 'inventory', 'orders'],
    ['payments', 'notifications'],
    ['fake-psp', 'fake-mail'],
  ],
  apart: [
    ['gateway'],
    ['auth'],
    ['catalog'],
    ['inventory'],
    ['orders'],
    ['payments'],
    ['notifications'],
    ['fake-psp'],
    ['fake-mail'],
  ],
} as const satisfies Record<string, readonly (readonly ServiceName[])[]>;

const readyTimeoutMs = 60_000;

type Ports = Record<ServiceName, number>;
/** Of the services that run several times: where each of their processes listens. */
type InstancePorts = Partial<Record<ServiceName, readonly number[]>>;

export class Shop {
  readonly url: string;
  readonly pspUrl: string;
  readonly mailUrl: string;
  readonly demoPassword: string;
  /** Logs anybody in without a password: for those who start the shop, and so have its secret. */
  readonly tokens: AccessTokens;
  readonly #ready: ReadonlyMap<ServiceProcess, string>;
  readonly #openFronts: (() => Promise<Front>)[];
  readonly #fronts: Front[] = [];

  private constructor(options: ShopOptions, ports: Ports, instancePorts: InstancePorts) {
    const local = (service: ServiceName) => `http://127.0.0.1:${ports[service]}`;
    this.url = local('gateway');
    this.pspUrl = local('fake-psp');
    this.mailUrl = local('fake-mail');
    const given = { ...process.env, ...options.env };
    this.demoPassword = given.DEMO_PASSWORD || demoAccount.password;
    const { privateKey, publicKey } = generateTicketKeys();
    const secrets = {
      ACCESS_TOKEN_SECRET: given.ACCESS_TOKEN_SECRET || randomBytes(32).toString('base64url'),
      PSP_WEBHOOK_SECRET: given.PSP_WEBHOOK_SECRET || randomBytes(32).toString('base64url'),
      DEMO_PASSWORD: this.demoPassword,
    };
    this.tokens = new AccessTokens({ secret: secrets.ACCESS_TOKEN_SECRET, ttlMs: 3_600_000 });
    // only payments holds the key that makes tickets
    const ownOf = {
      ...options.envOf,
      orders: {
        TICKET_PUBLIC_KEY: given.TICKET_PUBLIC_KEY || publicKey,
        ...options.envOf?.orders,
      },
      payments: {
        TICKET_PRIVATE_KEY: given.TICKET_PRIVATE_KEY || privateKey,
        ...options.envOf?.payments,
      },
    } satisfies ShopOptions['envOf'] as NonNullable<ShopOptions['envOf']>;
    const addresses = Object.fromEntries([
      ...Object.entries(ports).map(([name, port]) => [portOf(name as ServiceName), `${port}`]),
      ...apiServices.map((service) => [urlOf(service), local(service)]),
      ['PSP_URL', this.pspUrl],
      ['PSP_WEBHOOK_URL', this.url + paths.pspWebhook],
      ['MAIL_URL', this.mailUrl],
    ]);

    const layout = options.layout ?? 'compact';
    this.#openFronts = Object.entries(instancePorts).map(([service, targets]) => {
      const isFront = service === 'gateway' && options.openFront;
      const open = isFront || ((port, to) => Balancer.listen(port, to));
      return () => open(ports[service as ServiceName], targets);
    });
    const processes = layouts[layout].flatMap((services: readonly ServiceName[]) => {
      const [name = 'gateway'] = services;
      const env = options.instances?.[name] ?? [{}];
      return env.map((own, index) => {
        const port = instancePorts[name]?.[index] ?? ports[name];
        return { name, services, port, env: { ...own, [portOf(name)]: `${port}` } };
      });
    });
    this.#ready = new Map(
      processes.map(({ name, services, port, env }) => {
        const process = new ServiceProcess({
          name,
          services,
          // nobody is on the way to a port of this machine that closes
          env: Object.assign(
            // everybody of a demo comes from the same address
            {
              HOST: '127.0.0.1',
              LINGER_MS: '100',
              LOGINS_PER_ADDRESS: '1000000',
              REQUESTS_PER_ADDRESS: '100000',
            },
            { ...options.env, ...secrets, ...addresses },
            // behind the gateway, who calls is what the gateway says
            layout === 'apart' && name !== 'gateway' ? { TRUST_PROXY: 'true' } : {},
            ...services.map((service) => ownOf[service] ?? {}),
            env,
          ),
          onLine: (line) => options.onLine?.(name, line),
          onCrash: (how, backOffMs) => options.onCrash?.(name, how, backOffMs),
        });
        return [process, `http://127.0.0.1:${port}`] as const;
      }),
    );
  }

  /** Takes ports for it; nothing runs yet. */
  static async prepare(options: ShopOptions): Promise<Shop> {
    const services = layouts.apart.map(([service]) => service as ServiceName);
    const ports = await Promise.all(
      services.map(async (service) => [
        service,
        service === 'gateway' ? options.port : await freePort(),
      ]),
    );
    const several = Object.entries(options.instances ?? {}).map(async ([service, each]) => [
      service,
      await Promise.all(each.map(() => freePort())),
    ]);
    const instancePorts = Object.fromEntries(await Promise.all(several));
    return new Shop(options, Object.fromEntries(ports), instancePorts);
  }

  get processes(): ServiceProcess[] {
    return [...this.#ready.keys()];
  }

  /** The (first) process that runs a service first of all; `compact` has `gateway`, `payments`, `fake-psp`. */
  process(name: ServiceName): ServiceProcess {
    for (const process of this.#ready.keys()) if (process.name === name) return process;
    throw new RangeError(`Expected a process of this layout, got ${name}`);
  }

  /** Where that process answers `/ready`, `/metrics` and its own routes. */
  addressOf(which: ServiceName | ServiceProcess): string {
    const process = typeof which === 'string' ? this.process(which) : which;
    return this.#ready.get(process) as string;
  }

  /** Starts the processes; resolves when all say that they are ready. @throws StartError */
  async start(signal?: AbortSignal): Promise<void> {
    for (const open of this.#openFronts) this.#fronts.push(await open());
    for (const service of this.#ready.keys()) service.start();
    await Promise.all([...this.#ready].map(([service, url]) => untilReady(service, url, signal)));
  }

  /**
   * The gateway first, so that nothing new begins; then the workers, which finish what they have;
   * then what they needed. Resolves with those that did not end by themselves.
   */
  async stop(): Promise<string[]> {
    const killed: string[] = [];
    const names = new Set(this.processes.map(({ name }) => name));
    for (const name of names) {
      const instances = this.processes.filter((process) => process.name === name);
      const ended = await Promise.all(instances.map((process) => process.stop()));
      if (ended.includes(false)) killed.push(name);
    }
    await Promise.all(this.#fronts.splice(0).map((front) => front.stop()));
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
