import type { Database, Service } from './connection-input.ts';
import { digits, type Finding } from './finding.ts';
import type { ServicePlan } from './plan-connections.ts';

type Severity = Finding['severity'];

/** What is wrong with a service's pool, whatever the database allows. */
export function serviceFindings(service: Service, plan: ServicePlan): readonly Finding[] {
  const findings: Finding[] = [];
  const add = (severity: Severity, code: string, message: string, remedy: string) =>
    void findings.push({ severity, code, subject: service.name, message, remedy });
  const { pool, concurrency, connectionsPerRequest: held, acquireTargetMs } = service;
  const { busy, acquireP99Ms, poolForLoad } = plan;
  if (busy !== undefined && acquireP99Ms !== undefined && poolForLoad !== undefined) {
    const about = `${digits(busy)} connections are at work on average`;
    if (acquireP99Ms === Number.POSITIVE_INFINITY) {
      const remedy = `at least ${poolForLoad} connections, faster queries, or fewer of them`;
      add(
        'error',
        'OVERLOADED',
        `${about}, the pool has ${pool}: its queue grows for ever`,
        remedy,
      );
    } else if (acquireP99Ms > acquireTargetMs) {
      const message = `1 of 100 queries waits longer than ${digits(acquireP99Ms)} ms for a connection, ${digits(acquireTargetMs)} wanted`;
      add('warning', 'POOL_TOO_SMALL', message, `a pool of ${poolForLoad}`);
    } else if (pool > poolForLoad * 2) {
      const message = `a pool of ${pool} where ${poolForLoad} keep the p99 wait below ${digits(acquireTargetMs)} ms`;
      add(
        'warning',
        'POOL_TOO_LARGE',
        message,
        `a pool of ${poolForLoad}: the rest only fills the server`,
      );
    }
  }
  // Each of T requests holds m - 1 connections and waits for its last: one more than that, and somebody gets it.
  const safe = concurrency === undefined ? held : concurrency * (held - 1) + 1;
  if (pool < safe) {
    const message = `requests that hold ${held} connections at once can lock one another out: a pool of ${pool}, ${safe} needed`;
    add('error', 'POOL_DEADLOCK', message, `hold one connection per request, or a pool of ${safe}`);
  }
  for (const [index, { name, ms }] of service.timeouts.entries()) {
    const outer = service.timeouts[index + 1];
    if (outer === undefined || ms < outer.ms) continue;
    const message = `the ${name} timeout (${digits(ms)} ms) is not shorter than the ${outer.name} timeout (${digits(outer.ms)} ms) around it: work goes on for somebody who has left`;
    add('warning', 'TIMEOUT_ORDER', message, 'acquire < statement < request < client');
  }
  return findings;
}

/** What is wrong with a PgBouncer. */
export function poolerFindings(database: Database, peak: number): readonly Finding[] {
  const { pooler, name: subject } = database;
  if (pooler === undefined) return [];
  const findings: Finding[] = [];
  const add = (severity: Severity, code: string, message: string, remedy: string) =>
    void findings.push({ severity, code, subject, message, remedy });
  const budget = database.maxConnections - database.reserved;
  const server = pooler.poolSize * pooler.instances * pooler.users;
  if (server > budget) {
    const message = `PgBouncer may open ${digits(server)} server connections, ${digits(budget)} allowed`;
    const fits = Math.floor(budget / (pooler.instances * pooler.users));
    add('error', 'POOLER_OVER_BUDGET', message, `default_pool_size = ${fits}`);
  }
  const { maxClientConnections: most } = pooler;
  if (most !== undefined && peak > most * pooler.instances) {
    const message = `${digits(peak)} client connections at the peak, PgBouncer takes ${digits(most * pooler.instances)}`;
    add(
      'error',
      'POOLER_CLIENTS',
      message,
      `max_client_conn = ${Math.ceil((peak * 11) / (10 * pooler.instances))}`,
    );
  }
  if (pooler.mode === 'session') {
    const message = 'in session mode every client holds a server connection: nothing is shared';
    add('warning', 'POOLER_SESSION', message, 'pool_mode = transaction');
    return findings;
  }
  if (pooler.namedStatements && (pooler.version === undefined || pooler.version < 1.21)) {
    const which = pooler.version === undefined ? 'before 1.21' : String(pooler.version);
    const message = `PgBouncer ${which} in transaction mode forgets named statements: "prepared statement does not exist"`;
    add(
      'error',
      'NAMED_STATEMENTS',
      message,
      'PgBouncer 1.21 with max_prepared_statements, or no `name` in queries',
    );
  }
  if (pooler.sessionFeatures) {
    const message =
      'in transaction mode LISTEN, session locks and SET reach a connection that somebody else gets next';
    add(
      'error',
      'SESSION_FEATURES',
      message,
      'a direct connection for LISTEN; pg_advisory_xact_lock; SET LOCAL',
    );
  }
  return findings;
}
