/**
 * What goes wrong in a real night, done to the real component of a shop that runs on this machine. Each
 * tells what it did and which file of the shop deals with it, and takes itself back after its time.
 */
import { Redis } from 'ioredis';
import type { Shop } from './shop.ts';

export type ChaosName =
  | 'slow-payments'
  | 'dead-mail'
  | 'kill-worker'
  | 'drain'
  | 'flush'
  | 'freeze';
export type ChaosReport = { name: ChaosName; done: string; file: string; forMs: number };

/** A server that the launcher has started itself: nobody else's may be frozen or emptied. */
export type OwnRedis = { url: string; pause(): void; resume(): void };

const files: Record<ChaosName, string> = {
  'slow-payments': 'services/payments/provider.ts',
  'dead-mail': 'services/notifications/mail-provider.ts',
  'kill-worker': 'services/payments/charge.ts',
  drain: 'services/process.ts',
  flush: 'services/inventory/pools.ts',
  freeze: 'services/connections.ts',
};
export const chaosNames = Object.keys(files) as ChaosName[];

/** That would hurt a server which is not ours. */
export class NotOursError extends Error {
  override readonly name = 'NotOursError';
}

export class Chaos {
  readonly #shop: Shop;
  readonly #redis: OwnRedis | undefined;
  readonly #undo = new Map<ChaosName, { timer: NodeJS.Timeout; undo: () => Promise<void> }>();

  constructor(options: { shop: Shop; redis: OwnRedis | undefined }) {
    this.#shop = options.shop;
    this.#redis = options.redis;
  }

  /** @throws NotOursError when Redis came from the environment */
  async do(name: ChaosName, forMs: number): Promise<ChaosReport> {
    const done = await this.#acts[name](forMs);
    return { name, done, file: files[name], forMs };
  }

  /** Takes back everything that is not over by itself. */
  async heal(): Promise<void> {
    for (const name of [...this.#undo.keys()]) await this.#end(name);
  }

  readonly #acts: Record<ChaosName, (forMs: number) => Promise<string>> = {
    'slow-payments': async (forMs) => {
      await putFaults(this.#shop.pspUrl, { latencyMs: 30_000 });
      this.#later('slow-payments', forMs, () => putFaults(this.#shop.pspUrl, { latencyMs: 2_000 }));
      return 'The payment provider takes 30 s for a charge.';
    },
    'dead-mail': async (forMs) => {
      await putFaults(this.#shop.mailUrl, { isDown: true });
      this.#later('dead-mail', forMs, () => putFaults(this.#shop.mailUrl, { isDown: false }));
      return 'The mail provider cuts every connection.';
    },
    'kill-worker': async () => {
      const { pid } = this.#shop.process('payments');
      if (pid === undefined) return 'The payments worker is not up at the moment.';
      process.kill(pid, 'SIGKILL');
      return `The payments worker, process ${pid}, was killed with SIGKILL.`;
    },
    drain: async () => {
      const { pid } = this.#shop.process('gateway');
      if (pid === undefined) return 'The gateway is not up at the moment.';
      process.kill(pid, 'SIGTERM');
      return `The gateway, process ${pid}, was told to go; it answers what has begun.`;
    },
    flush: async () => {
      const redis = new Redis(this.#own().url);
      try {
        await redis.flushall();
      } finally {
        redis.disconnect();
      }
      return 'FLUSHALL: Redis has forgotten every hold, session and page.';
    },
    freeze: async (forMs) => {
      const redis = this.#own();
      redis.pause();
      this.#later('freeze', forMs, async () => redis.resume());
      return 'Redis was stopped with SIGSTOP: connections stay open, nothing answers.';
    },
  };

  #own(): OwnRedis {
    if (this.#redis) return this.#redis;
    throw new NotOursError('This Redis came from REDIS_URL: it is not ours to break.');
  }

  /** A second time only begins the time anew. */
  #later(name: ChaosName, forMs: number, undo: () => Promise<void>): void {
    clearTimeout(this.#undo.get(name)?.timer);
    const timer = setTimeout(() => void this.#end(name).catch(() => {}), forMs);
    this.#undo.set(name, { timer, undo });
  }

  async #end(name: ChaosName): Promise<void> {
    const entry = this.#undo.get(name);
    if (!entry) return;
    this.#undo.delete(name);
    clearTimeout(entry.timer);
    await entry.undo();
  }
}

async function putFaults(url: string, faults: object): Promise<void> {
  const response = await fetch(`${url}/faults`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(faults),
    signal: AbortSignal.timeout(5_000),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
}
