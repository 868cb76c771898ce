/** From the price of each operation to pods, shards, partitions and connections, with the arithmetic shown. */
import { planConnections } from '@evenkeel/health/plan';

/** a pod that is this busy still has room for the second in which everybody comes */
export const utilisation = 0.6;
/** connections of a pod, as deploy/k8s gives them */
const pools = {
  auth: 3,
  catalog: 3,
  inventory: 4,
  orders: 7,
  /** payments and notifications in one process, as the proof runs them */
  workers: 11,
} as const;
type Service = keyof typeof pools;

export type Price = {
  kind: string;
  service: Exclude<Service, 'workers'>;
  /** calls a second with 150,000 active buyers */
  storyPerSecond: number;
  /** by who works: front, worker, Redis, PostgreSQL, Kafka */
  cpuMs: Map<string, number>;
  /** of the largest front and worker, from idle to beyond the knee */
  memoryMiB: Map<string, number>;
  /** calls a second of one process beyond which p99 is over 200 ms; on this machine, which the driver shares */
  knee: number;
};
export type Table = { title: string; head: string[]; rows: string[][] };

export const markdown = ({ head, rows }: Table): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

export const priceTable = (prices: readonly Price[]): Table => ({
  title: 'What an operation costs',
  head: [
    'operation',
    'service',
    'calls/s of 150,000',
    'a CPU second of a front',
    'CPU a call: front',
    'worker',
    'Redis',
    'PostgreSQL',
    'Kafka',
    'knee of one front',
    'its memory',
  ],
  rows: prices.map(({ kind, service, storyPerSecond, cpuMs, memoryMiB, knee }) => [
    kind,
    service,
    storyPerSecond.toLocaleString('en-US'),
    `${Math.round(1_000 / Math.max(0.01, cpuMs.get('front') ?? 0)).toLocaleString('en-US')} calls`,
    ...['front', 'worker', 'Redis', 'PostgreSQL', 'Kafka'].map(
      (who) => `${Math.max(0, cpuMs.get(who) ?? 0).toFixed(2)} ms`,
    ),
    `${knee}/s`,
    `${memoryMiB.get('front') ?? 0} MiB`,
  ]),
});

/** `times`: so many times the story's crowd. */
export function sizing(
  prices: readonly Price[],
  times: number,
): { table: Table; errors: string[] } {
  const coresOf = (who: string, of: readonly Price[]) =>
    of.reduce(
      (sum, { storyPerSecond, cpuMs }) =>
        sum + (times * storyPerSecond * Math.max(0, cpuMs.get(who) ?? 0)) / 1_000,
      0,
    );
  const services = Object.keys(pools) as Service[];
  const rows = services.map((service) => {
    const [who, its] =
      service === 'workers'
        ? ['worker', prices]
        : ['front', prices.filter((one) => one.service === service)];
    const cores = coresOf(who, its);
    const memoryMiB = Math.max(0, ...its.map((one) => one.memoryMiB.get(who) ?? 0));
    // one process uses one core; three zones, of which one may be lost: a third more, in multiples of three
    const pods = Math.max(3, 3 * Math.ceil(((cores / utilisation) * 1.5) / 3));
    return { service, cores, pods, memoryMiB };
  });
  const plan = planConnections({
    databases: [
      {
        name: 'sale',
        engine: 'postgresql',
        maxConnections: 300,
        pooler: {
          mode: 'transaction',
          poolSize: 60,
          instances: 2,
          version: 1.21,
          maxClientConnections: 20_000,
        },
      },
    ],
    services: rows.map(({ service, pods }) => ({
      name: service,
      instances: pods,
      pool: pools[service],
      zones: 3,
    })),
  });
  const [database] = plan.databases;
  const redis = coresOf('Redis', prices);
  const workers = rows.at(-1)?.pods ?? 0;
  const cell = (value: number) => value.toFixed(1);
  return {
    errors: plan.findings
      .filter(({ severity }) => severity === 'error')
      .map(({ message }) => message),
    table: {
      title: `${(150_000 * times).toLocaleString('en-US')} active buyers`,
      head: ['service', 'cores at work', 'pods', 'memory', 'connections'],
      rows: [
        ...rows.map(({ service, cores, pods, memoryMiB }) => [
          service,
          cell(cores),
          String(pods),
          `${pods} x ${memoryMiB} MiB`,
          `${pods} x ${pools[service]}`,
        ]),
        [
          'Redis',
          cell(redis),
          `${Math.max(1, Math.ceil(redis / utilisation))} shards of one core`,
          '',
          '',
        ],
        [
          'PostgreSQL',
          cell(coresOf('PostgreSQL', prices)),
          '1',
          '',
          `${database?.peak ?? 0} of pods at the peak, through 2 PgBouncers x 60`,
        ],
        [
          'Kafka',
          cell(coresOf('Kafka', prices)),
          `${workers} partitions or more, one a worker`,
          '',
          '',
        ],
      ],
    },
  };
}
