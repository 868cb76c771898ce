import { poolerFindings, serviceFindings } from './connection-findings.ts';
import {
  CONNECTIONS_PER_GB,
  type ConnectionInput,
  type Database,
  readConnectionInput,
  type Service,
} from './connection-input.ts';
import { serversFor, waitMs } from './erlang.ts';
import { digits, exitCodeOf, type Finding } from './finding.ts';

/** The connections that one situation takes. */
export interface Scenario {
  readonly name: 'steady' | 'surge' | 'surge and terminating' | 'blue-green' | 'zone lost';
  /** Instances that hold connections, over all services of the database. */
  readonly instances: number;
  readonly connections: number;
  /** Memory of a server that carries them, at 75 a GB. */
  readonly memoryGb: number;
  /** Whether it happens with the rollout that the plan says. */
  readonly isExpected: boolean;
  readonly fits: boolean;
}

/** What a database has to carry. */
export interface DatabasePlan {
  readonly name: string;
  /** `max_connections` less what is reserved. */
  readonly budget: number;
  /** The worst of the expected scenarios. */
  readonly peak: number;
  readonly scenarios: readonly Scenario[];
  /** HikariCP's ceiling of connections that work at the same time; without `cores` unknown. */
  readonly activeCeiling?: number;
  /** What PgBouncer should be given to stay inside the budget, when there is one. */
  readonly pooler?: { readonly defaultPoolSize: number; readonly maxClientConnections: number };
}

/** What a service's pool should be. */
export interface ServicePlan {
  readonly name: string;
  readonly pool: number;
  /** The largest pool with which the peak fits, when this service shares the budget by its weight. */
  readonly poolThatFits: number;
  /** The smallest pool whose p99 wait meets the target; only with a load. */
  readonly poolForLoad?: number;
  /** Connections at work on average: Little's law. */
  readonly busy?: number;
  /** The p99 wait for a connection with the pool as it is, in ms; Infinity when overloaded. */
  readonly acquireP99Ms?: number;
}

/** The whole plan. */
export interface ConnectionPlan {
  readonly databases: readonly DatabasePlan[];
  readonly services: readonly ServicePlan[];
  readonly findings: readonly Finding[];
  readonly exitCode: 0 | 1 | 2;
}

const HEADROOM = 0.8;

/** How many instances hold connections in each situation, of one service. */
const INSTANCES: Readonly<Record<Scenario['name'], (service: Service) => number>> = {
  steady: ({ maxInstances }) => maxInstances,
  surge: ({ maxInstances, surge }) => maxInstances + surge,
  'surge and terminating': ({ maxInstances, surge, terminating }) =>
    maxInstances + surge + terminating,
  'blue-green': ({ maxInstances }) => 2 * maxInstances,
  // Replaced elsewhere within a minute, while the server waits for the dead ones' keep-alive.
  'zone lost': ({ maxInstances, zones }) =>
    maxInstances + (zones > 1 ? Math.ceil(maxInstances / zones) : 0),
};

function happens(name: Scenario['name'], services: readonly Service[]): boolean {
  if (name === 'zone lost') return services.some(({ zones }) => zones > 1);
  if (name === 'blue-green') return services.some(({ rollout }) => rollout === 'blue-green');
  if (name === 'steady') return true;
  return services.some(({ rollout }) => rollout === 'rolling');
}

/**
 * Counts every connection to every database at the worst moments of a deploy, against what the server takes.
 *
 *     peak = (N + ceil(N x maxSurge) + terminating) x processes x pool     N = the autoscaler's maximum
 *
 * @throws TypeError or RangeError naming field, rule and value; nothing is planned by halves.
 * @see J. D. C. Little, A Proof for the Queuing Formula L = λW, 1961
 * @see https://github.com/brettwooldridge/HikariCP/wiki/About-Pool-Sizing
 */
export function planConnections(input: ConnectionInput): ConnectionPlan {
  const { databases, services } = readConnectionInput(input);
  const findings: Finding[] = [];
  const servicePlans: ServicePlan[] = [];
  const databasePlans = databases.map((database) => {
    const own = services.filter((service) => service.database === database.name);
    const plan = planDatabase(database, own);
    const heldPerPool = own.map((service) => planService(service, plan, database));
    servicePlans.push(...heldPerPool);
    findings.push(...budgetFindings(database, plan), ...poolerFindings(database, plan.peak));
    for (const [index, service] of own.entries()) {
      findings.push(...serviceFindings(service, heldPerPool[index] as ServicePlan));
    }
    return plan;
  });
  return {
    databases: databasePlans,
    services: servicePlans,
    findings,
    exitCode: exitCodeOf(findings),
  };
}

function planDatabase(database: Database, services: readonly Service[]): DatabasePlan {
  const budget = database.maxConnections - database.reserved;
  const { pooler } = database;
  const scenarios = (Object.keys(INSTANCES) as Scenario['name'][]).map((name): Scenario => {
    const sum = (weight: (service: Service) => number) =>
      services.reduce((total, service) => total + INSTANCES[name](service) * weight(service), 0);
    const connections = sum(({ processes, pool }) => processes * pool);
    return {
      name,
      instances: sum(() => 1),
      connections,
      memoryGb: Math.ceil((connections / CONNECTIONS_PER_GB) * 10) / 10,
      isExpected: happens(name, services),
      fits: connections <= budget,
    };
  });
  const expected = scenarios.filter(({ isExpected }) => isExpected);
  const peak = Math.max(...expected.map(({ connections }) => connections));
  return {
    name: database.name,
    budget,
    peak,
    scenarios,
    ...(database.cores !== undefined && { activeCeiling: database.cores * 2 + 1 }),
    ...(pooler !== undefined && {
      pooler: {
        defaultPoolSize: Math.max(
          1,
          Math.floor((budget * HEADROOM) / (pooler.instances * pooler.users)),
        ),
        maxClientConnections: Math.ceil((peak * 11) / (10 * pooler.instances)),
      },
    }),
  };
}

function planService(service: Service, plan: DatabasePlan, database: Database): ServicePlan {
  const { name, pool, queriesPerSecond, queryMs, acquireTargetMs } = service;
  // Through a pooler the budget holds the pooler's connections, not the pools'.
  const share =
    database.pooler === undefined ? Math.min(1, (plan.budget * HEADROOM) / plan.peak) : 1;
  const base = { name, pool, poolThatFits: Math.floor(pool * share) };
  if (queriesPerSecond === undefined || queryMs === undefined) return base;
  const busy = (queriesPerSecond * queryMs) / 1_000;
  return {
    ...base,
    poolForLoad: serversFor(busy, queryMs, acquireTargetMs),
    busy,
    acquireP99Ms: waitMs(pool, busy, queryMs, 0.99),
  };
}

function budgetFindings(database: Database, plan: DatabasePlan): readonly Finding[] {
  if (database.pooler !== undefined) return [];
  const { budget, peak } = plan;
  const steady = plan.scenarios[0]?.connections ?? 0;
  const worst = plan.scenarios.find((one) => one.isExpected && one.connections === peak)?.name;
  const about = { subject: database.name } as const;
  const gb = `${digits(Math.ceil((peak / CONNECTIONS_PER_GB) * 10) / 10)} GB`;
  const remedy = `make the pools smaller (poolThatFits), put PgBouncer between, or take a server for ${digits(peak + database.reserved)} connections (about ${gb})`;
  if (steady > budget) {
    const message = `${digits(steady)} connections without any deploy, ${digits(budget)} allowed`;
    return [{ ...about, severity: 'error', code: 'OVER_BUDGET', message, remedy }];
  }
  if (peak > budget) {
    const message = `${digits(steady)} connections fit, but "${worst}" takes ${digits(peak)} of ${digits(budget)}: the next deploy is the outage`;
    return [{ ...about, severity: 'error', code: 'DEPLOY_OVER_BUDGET', message, remedy }];
  }
  if (peak > budget * HEADROOM) {
    const message = `"${worst}" takes ${digits(peak)} of ${digits(budget)} connections, more than 80 %`;
    return [{ ...about, severity: 'warning', code: 'LITTLE_HEADROOM', message, remedy }];
  }
  return [];
}
