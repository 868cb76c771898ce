/**
 * The shop as a cluster would run it, on one machine: several fronts (what a browser talks to), several
 * workers, and the stand-ins; or each service apart. Whatever dies is started again.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { paths } from '../addresses.ts';
import { apiServices } from '../api-route.ts';
import { StartError } from '../launcher/options.ts';
import { freePort } from '../launcher/ports.ts';
import { ServiceProcess } from '../launcher/service-process.ts';
import { portOf, type ServiceName, urlOf } from '../services/config.ts';
import { generateTicketKeys } from '../services/tickets/ticket-code.ts';
import { giveWay } from './priority.ts';

const front = ['gateway', 'auth', 'catalog', 'inventory', 'orders'] as const;
const worker = ['payments', 'notifications'] as const;
/** beside the fronts, whose API they use: a process may have too few open files for a crowd */
const sockets = ['gateway'] as const;
const standIns = ['fake-psp', 'fake-mail'] as const;

export type Member = {
  name: string;
  role: 'front' | 'service' | 'worker' | 'sockets' | 'stand-ins';
  url: string;
  process: ServiceProcess;
};
export type FleetOptions = {
  env: Record<string, string>;
  fronts: number;
  workers: number;
  /** gateways for WebSockets alone; default none */
  sockets?: number;
  /** instead of fronts and workers, each service in a process that has its name, as in deploy/k8s; default false */
  apart?: boolean;
  /** a process that is not ready after so long has failed. Default 90 s */
  readyWithinMs?: number;
  onLine?: (name: string, line: string) => void;
};

export class Fleet {
  readonly secret = randomBytes(32).toString('base64url');
  readonly namespace = 'proof';
  readonly pspUrl: string;
  readonly mailUrl: string;
  members: Member[] = [];
  /** the fronts changed: whoever stands before them wants to know */
  onChange: () => void = () => {};
  /** who ended without being told to, how, and with which last words */
  readonly crashes: string[] = [];
  readonly #bidden = new Set<string>();
  readonly #options: FleetOptions;
  readonly #env: Record<string, string>;
  readonly #readyWithinMs: number;
  #created = 0;

  private constructor(options: FleetOptions, psp: number, mail: number, webhooks: number) {
    this.#options = options;
    this.#readyWithinMs = options.readyWithinMs ?? 90_000;
    this.pspUrl = `http://127.0.0.1:${psp}`;
    this.mailUrl = `http://127.0.0.1:${mail}`;
    const { privateKey, publicKey } = generateTicketKeys();
    const workerUrl = `http://127.0.0.1:${webhooks}`;
    this.#env = {
      HOST: '127.0.0.1',
      NAMESPACE: this.namespace,
      LOG_LEVEL: 'warn',
      LINGER_MS: '500',
      ACCESS_TOKEN_SECRET: this.secret,
      ACCESS_TOKEN_TTL_MS: String(3_600_000),
      PSP_WEBHOOK_SECRET: randomBytes(32).toString('base64url'),
      TICKET_PUBLIC_KEY: publicKey,
      TICKET_PRIVATE_KEY: privateKey,
      // everybody comes from the same few addresses here
      LOGINS_PER_ADDRESS: '100000000',
      REQUESTS_PER_ADDRESS: '10000000',
      // decision 0061: what is measured is the shop, not scrypt
      PASSWORD_COST_LOG2: '4',
      PASSWORD_PASSES: '1',
      FAKE_PSP_PORT: String(psp),
      FAKE_MAIL_PORT: String(mail),
      PSP_URL: this.pspUrl,
      MAIL_URL: this.mailUrl,
      PSP_WEBHOOK_URL: workerUrl + paths.pspWebhook,
      WORKER_SESSION_TIMEOUT_MS: '6000',
      ...Object.fromEntries(apiServices.map((service) => [urlOf(service), workerUrl])),
      ...options.env,
    };
  }

  /** Starts all; resolves when all are ready. @throws StartError */
  static async start(options: FleetOptions, signal: AbortSignal): Promise<Fleet> {
    const [psp, mail, webhooks] = await Promise.all([freePort(), freePort(), freePort()]);
    const fleet = new Fleet(options, psp as number, mail as number, webhooks as number);
    try {
      if (options.apart) {
        await fleet.#startApart(psp as number, webhooks as number, signal);
        return fleet;
      }
      const first = [fleet.#create('stand-ins', standIns, psp), fleet.#create('front', front)];
      await fleet.#join(await Promise.all(first), signal);
      await fleet.grow({ fronts: options.fronts - 1, workers: options.workers }, signal, webhooks);
      await fleet.#growSockets(options.sockets ?? 0, signal);
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  get fronts(): Member[] {
    return this.members.filter(({ role }) => role === 'front');
  }
  get workers(): Member[] {
    return this.members.filter(({ role }) => role === 'worker');
  }
  get pids(): [name: string, pid: number][] {
    return this.members.flatMap(({ name, process: { pid } }): [string, number][] =>
      pid === undefined ? [] : [[name, pid]],
    );
  }

  /** More of them; resolves with those, ready. `env` is for these only. */
  async grow(
    { fronts = 0, workers = 0, env = {} as Record<string, string> },
    signal?: AbortSignal,
    firstWorkerPort?: number,
  ): Promise<Member[]> {
    const created = await Promise.all([
      ...Array.from({ length: fronts }, () => this.#create('front', front, undefined, env)),
      ...Array.from({ length: workers }, (_, index) =>
        this.#create('worker', worker, index === 0 ? firstWorkerPort : undefined, env),
      ),
    ]);
    await this.#join(created, signal);
    return created;
  }

  /** A gateway, and behind it each service alone. */
  async #startApart(psp: number, webhooks: number, signal: AbortSignal): Promise<void> {
    const alone = apiServices.map(async (service) => {
      const port = service === 'payments' ? webhooks : await freePort();
      this.#env[urlOf(service)] = `http://127.0.0.1:${port}`;
      return this.#create(service === 'payments' ? 'worker' : 'service', [service], port);
    });
    const stores = [this.#create('stand-ins', standIns, psp), ...alone];
    await this.#join(await Promise.all(stores), signal);
    // where the others are is in its environment
    const last = [this.#create('worker', ['notifications']), this.#create('front', ['gateway'])];
    await this.#join(await Promise.all(last), signal);
  }

  async #growSockets(count: number, signal: AbortSignal): Promise<void> {
    const [first] = this.fronts;
    const env = {
      ...Object.fromEntries(apiServices.map((service) => [urlOf(service), first?.url ?? ''])),
      DATABASE_CONNECTIONS: '4',
    };
    // a few at a time: each compiles its sources as it starts
    for (let left = count; left > 0; left -= 4) {
      const some = Array.from({ length: Math.min(4, left) }, () =>
        this.#create('sockets', sockets, undefined, env),
      );
      const joined = await Promise.all(some);
      await this.#join(joined, signal);
      for (const { process } of joined) {
        if (process.pid !== undefined) await giveWay(process.pid);
      }
    }
  }

  /** Ends them in order: nothing that has begun is lost. Resolves with those that had to be killed. */
  async retire(members: readonly Member[]): Promise<string[]> {
    const stopped = members.map(({ process }) => process.stop());
    const inTime = await Promise.all(stopped);
    this.members = this.members.filter((member) => !members.includes(member));
    this.onChange();
    return members.filter((_, index) => !inTime[index]).map(({ name }) => name);
  }

  signal(member: Member, signal: NodeJS.Signals): void {
    const { pid } = member.process;
    if (pid === undefined) return;
    if (signal === 'SIGKILL' || signal === 'SIGTERM') this.#bidden.add(member.name);
    process.kill(pid, signal);
  }

  /** SIGTERM, and waits until its successor is ready. */
  async restart(member: Member): Promise<void> {
    const before = member.process.pid;
    this.signal(member, 'SIGTERM');
    const deadline = performance.now() + this.#readyWithinMs;
    while (member.process.pid === before || member.process.pid === undefined) {
      if (performance.now() > deadline) throw new StartError(`${member.name} did not end.`);
      await sleep(50);
    }
    await this.#untilReady(member);
  }

  async allReady(): Promise<void> {
    await Promise.all(this.members.map((member) => this.#untilReady(member)));
  }

  async stop(): Promise<void> {
    for (const role of ['sockets', 'front', 'service', 'worker', 'stand-ins'] as const) {
      const group = this.members.filter((member) => member.role === role);
      await Promise.allSettled(group.map(({ process }) => process.stop()));
    }
  }

  async #create(
    role: Member['role'],
    services: readonly ServiceName[],
    givenPort?: number,
    env: Record<string, string> = {},
  ): Promise<Member> {
    const port = givenPort ?? (await freePort());
    const [main = 'gateway'] = services;
    this.#created += 1;
    const own = this.#options.apart ? main : `${role}-${this.#created}`;
    const name = role === 'stand-ins' ? role : own;
    const process: ServiceProcess = new ServiceProcess({
      name,
      services,
      env: { ...this.#env, [portOf(main)]: String(port), ...env },
      onLine: (line) => this.#options.onLine?.(name, line),
      onCrash: (how) => {
        if (!this.#bidden.delete(name)) this.crashes.push(`${name}: ${how}: ${process.lastWords}`);
      },
    });
    return { name, role, process, url: `http://127.0.0.1:${port}` };
  }

  async #join(members: Member[], signal?: AbortSignal): Promise<void> {
    // before they are ready, so that a stop in between finds them
    this.members.push(...members);
    for (const { process } of members) process.start();
    await Promise.all(members.map((member) => this.#untilReady(member, signal)));
    this.onChange();
  }

  /** Or retired. @throws StartError with the last words of a process that cannot run or does not come up */
  async #untilReady(member: Member, signal?: AbortSignal): Promise<void> {
    const { name, url, process } = member;
    const deadline = performance.now() + this.#readyWithinMs;
    while (this.members.includes(member)) {
      signal?.throwIfAborted();
      process.assertAlive();
      if (await isReady(url)) return process.confirmReady();
      if (performance.now() > deadline) {
        const after = `${this.#readyWithinMs / 1_000} s`;
        throw new StartError(`${name} was not ready after ${after}.\n  ${process.lastWords}`);
      }
      await sleep(100);
    }
  }
}

export function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/ready`, { signal: AbortSignal.timeout(2_000) }).then(
    async (response) => {
      await response.arrayBuffer();
      return response.ok;
    },
    () => false,
  );
}
