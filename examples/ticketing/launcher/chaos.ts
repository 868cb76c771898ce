/**
 * What goes wrong in a real night, done to the real component of a shop that runs on this machine. Each
 * tells what it did and which file of the shop deals with it, and takes itself back after its time.
 */
import { Redis } from 'ioredis';
import type { Crowd } from './crowd.ts';
import type { Shop } from './shop.ts';

export type ChaosName =
  | 'slow-payments'
  | 'dead-mail'
  | 'kill-worker'
  | 'drain'
  | 'flush'
  | 'freeze'
  | 'rush';
export type ChaosReport = { name: ChaosName; done: string; file: string; forMs: number };

/** A server that the launcher has started itself: nobody else's may be frozen or emptied. */
export type OwnRedis = { url: string; pause(): void; resume(): void };

type Description = { title: string; package: string; caption: string; file: string };
/** What each does, what there is to see, and who of the shop deals with it. */
export const descriptions: Record<ChaosName, Description> = {
  'slow-payments': {
    title: 'Slow payments',
    package: 'circuit-breaker',
    caption:
      'The payment provider takes 30 s for a charge. Calls turn slow, the circuit opens, and charges wait in Kafka instead of holding the worker.',
    file: 'services/payments/provider.ts',
  },
  'dead-mail': {
    title: 'E-mail is down',
    package: 'async-jobs',
    caption:
      'The mail provider cuts every connection. Tickets are sold all the same; receipts wait in their queue and leave when it is back.',
    file: 'services/notifications/service.ts',
  },
  'kill-worker': {
    title: 'Kill a worker',
    package: 'async-jobs',
    caption:
      'kill -9 in the middle of payments. Kafka gives its jobs to the next worker; each step is idempotent, so nobody is charged twice.',
    file: 'services/payments/charge.ts',
  },
  flush: {
    title: 'FLUSHALL',
    package: 'soft-hold',
    caption:
      'Redis forgets every hold, session and page. The pool notices, fills itself from PostgreSQL under a new epoch, and oversells nothing.',
    file: 'services/inventory/pools.ts',
  },
  freeze: {
    title: 'Freeze Redis',
    package: 'tiered-cache',
    caption:
      'SIGSTOP: connections stay open, nothing answers. Event pages come from the local tier; what needs Redis fails fast and says so.',
    file: 'services/redis-pulse.ts',
  },
  drain: {
    title: 'Drain this instance',
    package: 'health',
    caption:
      'SIGTERM to the gateway: it stops being ready, answers what has begun, closes in order and is started again.',
    file: 'services/process.ts',
  },
  rush: {
    title: '5,000 buyers',
    package: 'soft-hold',
    caption:
      'A sale of 1,000 seats opens; 5,000 people stand in its waiting room, are let in, and all want a seat. Exactly 1,000 get one.',
    file: 'services/inventory/holds.ts',
  },
};
export const chaosNames = Object.keys(descriptions) as ChaosName[];

/** That would hurt a server which is not ours. */
export class NotOursError extends Error {
  override readonly name = 'NotOursError';
}

export class Chaos {
  readonly #shop: Shop;
  readonly #redis: OwnRedis | undefined;
  readonly #undo = new Map<ChaosName, { timer: NodeJS.Timeout; undo: () => Promise<void> }>();

  readonly #crowd: Pick<Crowd, 'rush'>;
  readonly #rushOf: number;
  readonly #onOver: (name: ChaosName) => void;

  /** `onOver` hears when something takes itself back. */
  constructor(options: {
    shop: Shop;
    redis: OwnRedis | undefined;
    crowd: Pick<Crowd, 'rush'>;
    rushOf?: number | undefined;
    onOver?: (name: ChaosName) => void;
  }) {
    this.#shop = options.shop;
    this.#redis = options.redis;
    this.#crowd = options.crowd;
    this.#rushOf = options.rushOf ?? 5_000;
    this.#onOver = options.onOver ?? (() => {});
  }

  /** What is broken at this moment. */
  get active(): ChaosName[] {
    return [...this.#undo.keys()];
  }

  /** @throws NotOursError when Redis came from the environment */
  async do(name: ChaosName, forMs: number): Promise<ChaosReport> {
    const done = await this.#acts[name](forMs);
    return { name, done, file: descriptions[name].file, forMs };
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
    rush: (forMs) => this.#crowd.rush(forMs, this.#rushOf),
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
    this.#onOver(name);
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
