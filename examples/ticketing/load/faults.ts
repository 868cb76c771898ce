/** What goes wrong while tickets are sold, each done to the real thing and taken back after its time. */
import { Redis } from 'ioredis';
import type { Member } from './fleet.ts';
import { pause, until } from './pause.ts';
import type { Stage } from './stage.ts';

export type Fault = {
  name: string;
  /** what happens */
  what: string;
  /** what breaks: those of servers and those of processes can be had at the same time */
  of: 'servers' | 'processes';
  /** the design lets the shop say "try again in a moment" meanwhile: what it needs is gone */
  mayDefer: boolean;
  /** it does so again and again: alone for three times, with all the others from begin to end */
  everyMs?: number;
  /** does it for about `forMs`, and takes it back */
  run: (stage: Stage, forMs: number) => Promise<void>;
};

const killEveryMs = 20_000;

export const faults: readonly Fault[] = [
  {
    name: 'slow-provider',
    of: 'servers',
    what: 'the payment provider takes 30 s for a charge',
    mayDefer: false,
    run: ({ fleet, signal }, forMs) =>
      switched(fleet.pspUrl, { latencyMs: 30_000 }, { latencyMs: 200 }, forMs, signal),
  },
  {
    name: 'dead-mail',
    of: 'servers',
    what: 'the mail provider cuts every connection',
    mayDefer: false,
    run: ({ fleet, signal }, forMs) =>
      switched(fleet.mailUrl, { isDown: true }, { isDown: false }, forMs, signal),
  },
  {
    name: 'kill-worker',
    of: 'processes',
    what: 'kill -9 of a payments worker, again each 20 s',
    mayDefer: false,
    everyMs: killEveryMs,
    run: async ({ fleet, signal }, forMs) => {
      const deadline = performance.now() + forMs;
      for (let turn = 0; performance.now() < deadline && !signal.aborted; turn += 1) {
        const alive = await until(
          () => fleet.workers.filter(({ process: { pid } }) => pid !== undefined),
          { everyMs: 100, forMs: killEveryMs, signal },
          ({ length }) => length > 0,
        );
        const victim = alive[turn % alive.length];
        if (victim) fleet.signal(victim, 'SIGKILL');
        await pause(Math.min(deadline - performance.now(), killEveryMs), signal);
      }
      await fleet.allReady();
    },
  },
  {
    name: 'flushall',
    of: 'servers',
    what: 'FLUSHALL: Redis has forgotten every hold, session and page',
    mayDefer: true,
    run: async ({ servers, signal }, forMs) => {
      const redis = new Redis(servers.redis.url);
      redis.on('error', () => {});
      await redis.flushall();
      redis.disconnect();
      await pause(forMs, signal);
    },
  },
  {
    name: 'redis-replaced',
    of: 'servers',
    what: 'the Redis master dies, its replica takes over',
    mayDefer: true,
    run: async ({ servers, signal }, forMs) => {
      await servers.replaceRedis();
      await pause(forMs, signal);
    },
  },
  {
    name: 'redis-frozen',
    of: 'servers',
    what: 'Redis is stopped by SIGSTOP: connections stay open, nothing answers',
    mayDefer: true,
    run: ({ servers, signal }, forMs) => frozen(servers.redis, forMs, signal),
  },
  {
    name: 'postgres-restarted',
    of: 'servers',
    what: 'PostgreSQL is restarted',
    mayDefer: true,
    run: async ({ servers, signal }, forMs) => {
      await servers.postgres.restart();
      await pause(forMs, signal);
    },
  },
  {
    name: 'kafka-frozen',
    of: 'servers',
    what: 'Kafka is stopped by SIGSTOP',
    mayDefer: false,
    run: ({ servers, signal }, forMs) => frozen(servers.kafka, forMs, signal),
  },
  {
    name: 'kafka-restarted',
    of: 'servers',
    what: 'Kafka is restarted',
    mayDefer: false,
    run: async ({ servers, signal }, forMs) => {
      await servers.kafka.restart();
      await pause(forMs, signal);
    },
  },
  {
    name: 'zone-lost',
    of: 'processes',
    what: 'kill -9 of 40 % of all processes at once',
    mayDefer: false,
    run: async ({ fleet, signal }, forMs) => {
      const victims = [...fleet.fronts.slice(-1), ...fleet.workers.slice(-1)];
      for (const victim of victims) fleet.signal(victim, 'SIGKILL');
      await pause(forMs, signal);
      await fleet.allReady();
    },
  },
  {
    name: 'rolling-restart',
    of: 'processes',
    what: 'every process is restarted, fronts and workers one after the other each',
    mayDefer: false,
    run: async ({ fleet }) => {
      const roll = async (members: Member[]) => {
        for (const member of members) await fleet.restart(member);
      };
      await Promise.all([roll(fleet.fronts), roll(fleet.workers)]);
    },
  },
  {
    name: 'blue-green',
    of: 'processes',
    what: 'a second set of processes takes over, the first one ends',
    mayDefer: false,
    run: async ({ fleet, signal }) => {
      const blue = [...fleet.fronts, ...fleet.workers];
      await fleet.grow({ fronts: fleet.fronts.length, workers: fleet.workers.length }, signal);
      const killed = await fleet.retire(blue);
      if (killed.length > 0) throw new Error(`${killed.join(', ')} did not end in time`);
    },
  },
  {
    name: 'clock-jump',
    of: 'processes',
    what: 'the clock of one front jumps two minutes ahead',
    mayDefer: false,
    run: async ({ fleet, signal }, forMs) => {
      const preload = new URL('./clock-jump.mjs', import.meta.url).pathname;
      const env = { NODE_OPTIONS: `--import=${preload}` };
      const [jumper] = await fleet.grow({ fronts: 1, env }, signal);
      if (!jumper) throw new Error('no front was started');
      await pause(forMs / 2, signal);
      fleet.signal(jumper, 'SIGUSR2');
      await pause(forMs / 2, signal);
      await fleet.retire([jumper]);
    },
  },
];

async function switched(
  url: string,
  on: object,
  off: object,
  forMs: number,
  signal: AbortSignal,
): Promise<void> {
  await putFaults(url, on);
  try {
    await pause(forMs, signal);
  } finally {
    await putFaults(url, off);
  }
}

async function frozen(
  server: { pause(): void; resume(): void },
  forMs: number,
  signal: AbortSignal,
): Promise<void> {
  server.pause();
  try {
    await pause(forMs, signal);
  } finally {
    server.resume();
  }
}

export async function putFaults(url: string, body: object): Promise<void> {
  const response = await fetch(`${url}/faults`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(5_000),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
}
