import { once } from 'node:events';
import { env } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DRIVER } from './fixtures/transport.ts';
import { type Servers, type Storm, type StormOptions, startServers, storm } from './storm.ts';

/**
 * Faults on real servers. In short (the default) several come together in a smaller number of
 * jobs; STORM=full has each of them alone with 10,000 jobs of 500 keys, which takes minutes.
 * TRANSPORT=platformatic has them on that driver. Both at full size are run every night.
 */
const full = env.STORM === 'full';
const size = full ? { jobs: 10_000, keys: 500 } : { jobs: 1_000, keys: 100 };
let servers: Servers;
beforeAll(async () => {
  servers = await startServers();
});
afterAll(async () => {
  await Promise.all(Object.values(servers ?? {}).map((server) => server.stop()));
});

interface Fault extends Partial<StormOptions> {
  readonly name: string;
  readonly trouble?: (storm: Storm) => Promise<void>;
  /** Deliveries beyond one a job that may come of it. */
  readonly maxDeliveredAgain?: number;
}

const unruly: Fault = {
  name: '1 % of the records come twice, late and in reverse, and 1 % are overtaken',
  unrulyPercent: 1,
};
const defects: Fault = {
  name: 'a handler throws SyntaxError and TypeError',
  workerEnv: [{ DEFECTS: '1' }, { DEFECTS: '1' }],
};
const clocks: Fault = {
  name: 'clocks are an hour off',
  workerEnv: [{ SKEW_MS: '3600000' }, { SKEW_MS: '-3600000' }],
};
const poison: Fault = {
  name: 'poison JSON lies between the jobs',
  expectedDeadLetters: 20,
  trouble: async ({ poison: put }) => {
    for (let i = 0; i < 20; i++) await put('{"key":');
  },
};
const redis: Fault = {
  name: 'Redis is flushed and stopped',
  trouble: async ({ servers: { redis: server }, progress }) => {
    await progress(0.2);
    const client = new Redis(server.url);
    await client.flushall();
    client.disconnect();
    await server.kill();
    await delay(full ? 5_000 : 1_500);
    await server.restart();
  },
};
const postgres: Fault = {
  name: 'PostgreSQL is restarted',
  trouble: async ({ servers: { postgres: server }, progress }) => {
    await progress(0.3);
    await server.restart();
  },
};
const restarted: Fault = {
  name: 'the broker is restarted',
  trouble: async ({ servers: { kafka }, progress }) => {
    await progress(0.3);
    await kafka.restart();
  },
};
const frozen: Fault = {
  name: `the broker is frozen for ${full ? 40 : 4} s`,
  trouble: async ({ servers: { kafka }, progress }) => {
    await progress(0.3);
    kafka.pause();
    await delay(full ? 40_000 : 4_000);
    kafka.resume();
  },
};
const rebalances: Fault = {
  name: 'three workers join and leave',
  ...(full && { maxDeliveredAgain: 200 }),
  slowMs: () => (full ? 20 : 5),
  trouble: async ({ workers, join, progress }) => {
    for (const share of full ? [0.1, 0.25, 0.4, 0.55, 0.7] : [0.2, 0.5]) {
      await progress(share);
      await join();
      const leaving = workers.shift();
      leaving?.kill('SIGTERM');
      if (leaving) await once(leaving, 'exit');
    }
  },
};
const longer: Fault = {
  name: 'some handlers take longer than the session timeout',
  slowMs: (n) => (n % (full ? 1_000 : 500) === 0 ? 8_000 : 1),
  maxDeliveredAgain: 0,
};
const kills: Fault = {
  name: 'a worker is killed by -9 every few seconds, with a slow job at the head',
  slowMs: (n) => (n === 0 ? 15_000 : 2),
  maxDeliveredAgain: 400, // a hundred a kill at most (kill.integration.test.ts), the rest by rebalances
  trouble: async ({ workers, join, progress }) => {
    for (const share of [0.2, 0.4, 0.6]) {
      await progress(share);
      const killed = workers.shift();
      killed?.kill('SIGKILL');
      if (killed) await once(killed, 'exit');
      await join();
    }
  },
};

const codec: Fault = {
  name: 'a record is compressed by a codec that only the next version of the worker has',
  expectedDeadLetters: 1,
  trouble: async ({ workers, join, progress, poisonBySnappy }) => {
    await progress(0.2);
    await poisonBySnappy('{"key":');
    await delay(5_000); // the old ones break at it, again and again
    for (const old of workers.splice(0)) {
      await join({ SNAPPY: '1' });
      old.kill('SIGTERM');
    }
  },
};

/** Several at once. */
function together(...faults: readonly Fault[]): Fault {
  return {
    ...Object.assign({}, ...faults),
    name: faults.map(({ name }) => name).join('; '),
    workerEnv: [0, 1].map((i) => Object.assign({}, ...faults.map((one) => one.workerEnv?.[i]))),
    trouble: async (weather) => {
      for (const { trouble } of faults) await trouble?.(weather);
    },
  };
}

const faults = full
  ? [
      kills,
      rebalances,
      restarted,
      frozen,
      redis,
      postgres,
      unruly,
      longer,
      defects,
      poison,
      clocks,
      codec,
    ]
  : [
      together(unruly, defects, clocks, poison),
      together(redis, postgres),
      together(frozen, rebalances),
    ];

it.each(faults)(
  'loses no job, doubles no effect and keeps the order of keys: $name',
  {
    timeout: 300_000,
  },
  async ({ name, trouble = async () => {}, maxDeliveredAgain, ...options }) => {
    const report = await storm(servers, { ...size, ...options }, trouble);
    const { deliveredAgain, calledAgain, overtaken, deadLetters, seconds } = report;
    console.log(
      `${DRIVER}, ${size.jobs} jobs of ${size.keys} keys, ${name}: 0 lost, 0 doubled, order kept, ${deliveredAgain} delivered again, ${calledAgain} calls repeated under their key, ${overtaken} overtaken, ${deadLetters} dead letters, ${seconds} s`,
    );
    expect(overtaken > 0).toBe(options.unrulyPercent !== undefined);
    if (maxDeliveredAgain !== undefined) {
      expect(deliveredAgain).toBeLessThanOrEqual(maxDeliveredAgain);
      expect(calledAgain).toBeLessThanOrEqual(maxDeliveredAgain);
    }
  },
);
