import { Fields, requireUnique } from './input.ts';

/** A database server and how many connections it takes. */
export interface DatabaseInput {
  readonly name: string;
  readonly engine: 'postgresql' | 'mysql';
  /** `max_connections`; default, with `memoryGb`, so many as the memory carries, else 100 (PostgreSQL) or 151 (MySQL). */
  readonly maxConnections?: number;
  /** Memory of the server in GB, at 75 connections a GB. */
  readonly memoryGb?: number;
  /** Kept for superusers, monitoring and migrations; default 5. */
  readonly reserved?: number;
  /** Cores of the server, for the ceiling of *active* connections (cores x 2 + 1). */
  readonly cores?: number;
  /** PgBouncer in front of it. */
  readonly pooler?: PoolerInput;
}

/** A PgBouncer between services and database. */
export interface PoolerInput {
  readonly mode: 'transaction' | 'session';
  /** Server connections of each PgBouncer for each user and database. */
  readonly poolSize: number;
  /** PgBouncer processes; default 1. */
  readonly instances?: number;
  /** Pairs of user and database; default 1. */
  readonly users?: number;
  readonly maxClientConnections?: number;
  /** Such as 1.18; below 1.21 transaction mode breaks named statements. */
  readonly version?: number;
  /** The services use named (prepared) statements; default false. */
  readonly namedStatements?: boolean;
  /** The services use LISTEN, session locks or SET; default false. */
  readonly sessionFeatures?: boolean;
}

/** A service whose instances hold a pool each. */
export interface ServiceInput {
  readonly name: string;
  /** Which database; default the first. */
  readonly database?: string;
  readonly instances: number;
  /** The autoscaler's maximum; default `instances`. */
  readonly maxInstances?: number;
  /** Processes of an instance with a pool each (cluster); default 1. */
  readonly processes?: number;
  /** Connections of all pools of one process together: application, jobs, listeners. */
  readonly pool: number;
  readonly rollout?: 'rolling' | 'blue-green';
  /** Extra instances of a rolling update, a number or "25%"; default "25%". */
  readonly maxSurge?: number | string;
  /** Old instances that still hold their connections while they drain, a number or "25%"; default "100%". */
  readonly terminating?: number | string;
  /** Zones that the instances are spread over; default 1. Of a lost zone the connections linger. */
  readonly zones?: number;
  /** Queries a second of one process, and what one takes, for the size of the pool. */
  readonly queriesPerSecond?: number;
  readonly queryMs?: number;
  /** The p99 wait for a connection aimed at, in ms; default 20. */
  readonly acquireTargetMs?: number;
  /** Requests at once in a process, and connections that one holds *at the same time*, for the deadlock formula. */
  readonly concurrency?: number;
  readonly connectionsPerRequest?: number;
  /** The chain of timeouts, in ms, from the inside out; each must be shorter than the next. */
  readonly timeoutsMs?: {
    readonly acquire?: number;
    readonly statement?: number;
    readonly request?: number;
    readonly client?: number;
  };
}

/** What `planConnections` counts. */
export interface ConnectionInput {
  readonly databases: readonly DatabaseInput[];
  readonly services: readonly ServiceInput[];
}

/** A database with every default decided. */
export type Database = ReturnType<typeof readDatabase>;

/** A service with every default decided. */
export type Service = ReturnType<typeof readService>;

/** About so many connections does a GB of memory carry. */
export const CONNECTIONS_PER_GB = 75;
const DEFAULT_MAX = { postgresql: 100, mysql: 151 } as const;
const MANY = 1_000_000;

/** Decides every default. Throws TypeError or RangeError naming field, rule and value. */
export function readConnectionInput(input: unknown) {
  const fields = new Fields('plan', input);
  const databases = fields.list('databases').map(readDatabase);
  const services = fields.list('services').map((one) => readService(one, databases[0]?.name ?? ''));
  fields.end();
  const names = databases.map(({ name }) => name);
  requireUnique('databases', names);
  requireUnique(
    'services',
    services.map(({ name }) => name),
  );
  for (const { name, database } of services) {
    if (!names.includes(database)) {
      throw new RangeError(
        `Expected \`database\` of ${name} to be one of ${names.join(', ')}, got "${database}"`,
      );
    }
  }
  return { databases, services };
}

function readDatabase(fields: Fields) {
  const name = fields.text('name');
  const engine = fields.oneOf('engine', ['postgresql', 'mysql']);
  const memoryGb = fields.optional('memoryGb', 0.1, 100_000);
  const byMemory = memoryGb === undefined ? DEFAULT_MAX[engine] : memoryGb * CONNECTIONS_PER_GB;
  const maxConnections = fields.integer('maxConnections', 1, MANY, Math.floor(byMemory));
  const database = {
    name,
    engine,
    maxConnections,
    memoryGb,
    reserved: fields.integer('reserved', 0, maxConnections - 1, Math.min(5, maxConnections - 1)),
    cores: fields.optional('cores', 1, 4_096),
    pooler: readPooler(fields.object('pooler')),
  };
  fields.end();
  return database;
}

function readPooler(fields: Fields | undefined) {
  if (fields === undefined) return undefined;
  const pooler = {
    mode: fields.oneOf('mode', ['transaction', 'session']),
    poolSize: fields.integer('poolSize', 1, MANY),
    instances: fields.integer('instances', 1, 10_000, 1),
    users: fields.integer('users', 1, 10_000, 1),
    maxClientConnections: fields.optional('maxClientConnections', 1, MANY * 10),
    version: fields.optional('version', 1, 100),
    namedStatements: fields.flag('namedStatements'),
    sessionFeatures: fields.flag('sessionFeatures'),
  };
  fields.end();
  return pooler;
}

function readService(fields: Fields, defaultDatabase: string) {
  const instances = fields.integer('instances', 1, MANY);
  const maxInstances = fields.integer('maxInstances', instances, MANY, instances);
  const chain = fields.object('timeoutsMs');
  const service = {
    name: fields.text('name'),
    database: fields.text('database', defaultDatabase),
    instances,
    maxInstances,
    processes: fields.integer('processes', 1, 10_000, 1),
    pool: fields.integer('pool', 1, MANY),
    rollout: fields.oneOf('rollout', ['rolling', 'blue-green'], 'rolling'),
    surge: fields.share('maxSurge', maxInstances, '25%'),
    terminating: fields.share('terminating', maxInstances, '100%'),
    zones: fields.integer('zones', 1, 100, 1),
    queriesPerSecond: fields.optional('queriesPerSecond', 0, 1e9),
    queryMs: fields.optional('queryMs', 0.001, 3_600_000),
    acquireTargetMs: fields.number('acquireTargetMs', 0.1, 600_000, 20),
    concurrency: fields.optional('concurrency', 1, MANY),
    connectionsPerRequest: fields.integer('connectionsPerRequest', 1, 1_000, 1),
    timeouts: (['acquire', 'statement', 'request', 'client'] as const).flatMap((name) => {
      const ms = chain?.optional(name, 1, 86_400_000);
      return ms === undefined ? [] : [{ name, ms }];
    }),
  };
  chain?.end();
  fields.end();
  if ((service.queriesPerSecond === undefined) !== (service.queryMs === undefined)) {
    throw new RangeError(
      `Expected \`queriesPerSecond\` and \`queryMs\` of ${service.name} together, got one of them`,
    );
  }
  return service;
}
