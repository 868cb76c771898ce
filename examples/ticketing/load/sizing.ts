/** From the price of each operation to pods, shards, partitions and connections, with the arithmetic shown. */
import { planConnections } from '@evenkeel/health/plan';
import { socketsPerProcess } from './self-check.ts';

/** a pod that is this busy still has room for the second in which everybody comes */
export const utilisation = 0.6;
/** what is ordered of what is needed, so that one zone of three may be lost */
const zoneSpare = 1.5;
const storyUsers = 150_000;
/** the bound of the crowd's claim; the kept runs are below it */
const kiBPerSocket = 6.5;
/** what the shop hashes passwords with when nobody says otherwise (docs/decisions/0061) */
export const passwordHash = { costLog2: 14, passes: 5 } as const;
/** 1 KiB x N each, three at a time at most */
const hashesMiB = (3 * 2 ** passwordHash.costLog2) / 1_024;
/** PostgreSQL connections of a pod: its pool as deploy/k8s gives it, and one of health's check */
export const connectionsOf = {
  gateway: 4,
  auth: 4,
  catalog: 4,
  inventory: 5,
  orders: 8,
  payments: 9,
  notifications: 4,
} as const;
/** all PgBouncers together, of a server that takes 300 */
const serverConnections = 120;
/** of one PgBouncer, which is one core */
const clientConnections = 10_000;

export type Service = keyof typeof connectionsOf;
const services = Object.keys(connectionsOf) as Service[];

export type Price = {
  kind: string;
  /** who is asked */
  service: Service;
  /** calls a second with 150,000 active buyers */
  storyPerSecond: number;
  /** CPU a call, by who works: a service, Redis, PostgreSQL, Kafka */
  cpuMs: ReadonlyMap<string, number>;
  /**
   * calls a second of one process of the service, asked without a gateway, beyond which p99 is over 200 ms; on this
   * machine, which the driver shares
   */
  knee?: number;
};
/** Prices, and the largest memory of each service's process while they were found. */
export type Measured = { prices: readonly Price[]; memoryMiB: ReadonlyMap<string, number> };
export type Table = { title: string; head: string[]; rows: string[][] };
/** What is ordered of a service. */
export type Order = {
  service: Service;
  /** at work, on average */
  cores: number;
  pods: number;
  /** of a pod: what its share of the work is when it is as busy as it may be */
  milliCpu: number;
  memoryMiB: number;
};

export const markdown = ({ head, rows }: Table): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const whole = (value: number) => Math.round(value).toLocaleString('en-US');
const cell = (value: number) => (value < 100 ? value.toFixed(1) : whole(value));
const ms = (value: number) =>
  value > 0 && value < 0.1 ? `${value.toFixed(4)} ms` : `${value.toFixed(2)} ms`;
const cpuOf = ({ cpuMs }: Price, who: string) => Math.max(0, cpuMs.get(who) ?? 0);

export function priceTable({ prices, memoryMiB }: Measured): Table {
  const behind = ['payments', 'notifications', 'Redis', 'PostgreSQL', 'Kafka'];
  return {
    title: 'What an operation costs',
    head: [
      ...['operation', 'service', 'calls/s of 150,000', 'a CPU second of the service'],
      ...['CPU a call: the service', 'gateway before it', ...behind],
      ...['knee of one process', 'its memory'],
    ],
    rows: prices.map((price) => {
      const { kind, service, storyPerSecond, knee } = price;
      const its = cpuOf(price, service);
      return [
        ...[kind, service, whole(storyPerSecond)],
        `${cell(1_000 / Math.max(0.000_1, its))} calls`,
        ms(its),
        service === 'gateway' ? '' : ms(cpuOf(price, 'gateway')),
        ...behind.map((who) => ms(cpuOf(price, who))),
        knee === undefined ? '' : `${knee}/s`,
        `${memoryMiB.get(service) ?? 0} MiB`,
      ];
    }),
  };
}

/** Cores at work for all calls, of who works. */
const coresOf = (who: string, prices: readonly Price[], times: number) =>
  prices.reduce(
    (sum, price) => sum + (times * price.storyPerSecond * cpuOf(price, who)) / 1_000,
    0,
  );

/** One process uses one core; three zones, of which one may be lost: half as much again, in multiples of three. */
const podsFor = (cores: number) =>
  Math.max(3, 3 * Math.ceil(((cores / utilisation) * zoneSpare) / 3));

/** `times`: so many times the story's crowd. */
export function orderFor({ prices, memoryMiB }: Measured, times: number): Order[] {
  return services.map((service) => {
    const cores = coresOf(service, prices, times);
    const hasSockets = service === 'gateway';
    const sockets = hasSockets ? times * storyUsers : 0;
    const forSockets = 3 * Math.ceil(((sockets / socketsPerProcess) * zoneSpare) / 3);
    const pods = Math.max(podsFor(cores), forSockets);
    const ownMilli = ((cores / utilisation) * zoneSpare * 1_000) / pods;
    // a zone is lost, and its people come to the others
    const socketMiB = ((sockets / pods) * zoneSpare * kiBPerSocket) / 1_024;
    const more = service === 'auth' ? hashesMiB : socketMiB;
    return {
      ...{ service, cores, pods },
      milliCpu: Math.max(100, 50 * Math.ceil(ownMilli / 50)),
      memoryMiB: Math.ceil((memoryMiB.get(service) ?? 0) + more),
    };
  });
}

/** The order as a table, and what the plan of connections says against it. */
export function sizing(measured: Measured, times: number): { table: Table; errors: string[] } {
  const { prices } = measured;
  const order = orderFor(measured, times);
  // each service logs in as a user of its own, for whom a PgBouncer has a pool
  const users = services.length;
  const poolSize = (pgBouncers: number) =>
    Math.max(1, Math.floor(serverConnections / (pgBouncers * users)));
  const planWith = (pgBouncers: number) =>
    planConnections({
      databases: [
        {
          ...{ name: 'sale', engine: 'postgresql', maxConnections: 300 },
          pooler: {
            ...{ mode: 'transaction', version: 1.21, instances: pgBouncers, users },
            poolSize: poolSize(pgBouncers),
            maxClientConnections: clientConnections,
          },
        },
      ],
      services: order.map(({ service, pods }) => ({
        ...{ name: service, instances: pods, pool: connectionsOf[service], zones: 3 },
      })),
    });
  const peak = planWith(2).databases[0]?.peak ?? 0;
  const pgBouncers = Math.max(2, Math.ceil(peak / clientConnections));
  const redis = coresOf('Redis', prices, times);
  const partitions = order.find(({ service }) => service === 'payments')?.pods ?? 0;
  const errors = planWith(pgBouncers).findings.filter(({ severity }) => severity === 'error');
  return {
    errors: errors.map(({ message }) => message),
    table: {
      title: `${whole(storyUsers * times)} active buyers`,
      head: ['service', 'cores at work', 'pods', 'CPU a pod', 'memory a pod', 'connections'],
      rows: [
        ...order.map(({ service, cores, pods, milliCpu, memoryMiB }) => [
          ...[service, cell(cores), whole(pods), `${milliCpu}m`, `${memoryMiB} MiB`],
          `${whole(pods)} x ${connectionsOf[service]}`,
        ]),
        [
          ...['Redis', cell(redis)],
          ...[`${Math.max(1, Math.ceil(redis / utilisation))} shards of one core`, '', '', ''],
        ],
        [
          ...['PostgreSQL', cell(coresOf('PostgreSQL', prices, times)), '1', '', ''],
          `${whole(peak)} of pods at the peak, through ${pgBouncers} PgBouncers x ${users} users x ${poolSize(pgBouncers)}`,
        ],
        [
          ...['Kafka', cell(coresOf('Kafka', prices, times))],
          ...[`${whole(partitions)} partitions or more, one a payments pod`, '', '', ''],
        ],
      ],
    },
  };
}

/** The same work when every pod is as large as the dearest, and when all services grow together. */
export function costTable(measured: Measured): Table {
  const all = orderFor(measured, 1);
  const sumOf = (order: readonly Order[]) => ({
    pods: order.reduce((sum, one) => sum + one.pods, 0),
    cores: order.reduce((sum, one) => sum + (one.pods * one.milliCpu) / 1_000, 0),
    gib: order.reduce((sum, one) => sum + (one.pods * one.memoryMiB) / 1_024, 0),
  });
  const most = (order: readonly Order[], of: 'pods' | 'milliCpu' | 'memoryMiB') =>
    Math.max(...order.map((one) => one[of]));
  const compared = (name: string, order: readonly Order[]) => {
    const own = sumOf(order);
    const row = (how: string, other: readonly Order[]) => {
      const sum = sumOf(other);
      const less = (ours: number, theirs: number) =>
        theirs === ours ? '' : ` (right-sized: ${Math.round((1 - ours / theirs) * 100)} % less)`;
      return [
        ...[name, how, whole(sum.pods)],
        `${cell(sum.cores)}${less(own.cores, sum.cores)}`,
        `${cell(sum.gib)} GiB${less(own.gib, sum.gib)}`,
      ];
    };
    const size = { milliCpu: most(order, 'milliCpu'), memoryMiB: most(order, 'memoryMiB') };
    const pods = most(order, 'pods');
    return [
      row('each pod as large as its service needs', order),
      row(
        'every pod as large as the dearest',
        order.map((one) => ({ ...one, ...size })),
      ),
      row(
        'and as many of each as of the one with most',
        order.map((one) => ({ ...one, ...size, pods })),
      ),
    ];
  };
  const others = all.filter(({ service }) => service !== 'auth');
  return {
    title: 'One size for all',
    head: ['services', 'sized', 'pods', 'cores ordered', 'memory ordered'],
    rows: [...compared('all', all), ...compared('all but auth', others)],
  };
}

/** What auth takes when some have a session from before, whose refresh needs no hash. */
export function logInTable({ prices }: Measured): Table {
  const cpu = (kind: string) => {
    const price = prices.find((one) => one.kind === kind);
    return price ? cpuOf(price, 'auth') : 0;
  };
  const perSecond = prices.find(({ kind }) => kind === 'log in')?.storyPerSecond ?? 0;
  return {
    title: `Auth, of ${whole(perSecond)} people a second`,
    head: ['with a password', 'hashes/s', 'refreshes/s', 'cores at work', 'pods'],
    rows: [1, 0.1, 0.01].map((share) => {
      const hashes = perSecond * share;
      const refreshes = perSecond - hashes;
      const ofHashes = hashes * (cpu('log in') + cpu('password hash'));
      const cores = (ofHashes + refreshes * cpu('refresh')) / 1_000;
      return [
        `${share * 100} %`,
        ...[cell(hashes), cell(refreshes), cell(cores), whole(podsFor(cores))],
      ];
    }),
  };
}
