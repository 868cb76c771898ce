import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ConnectionInput,
  erlangC,
  planCapacity,
  planConnections,
  planProbes,
  serversFor,
  waitMs,
} from '../src/plan.ts';

const mysql = { name: 'main', engine: 'mysql', maxConnections: 10_000 } as const;
const orders = { name: 'orders', instances: 100, pool: 30 } as const;
const plan = (service: object = {}, database: object = {}) =>
  planConnections({
    databases: [{ ...mysql, ...database }],
    services: [{ ...orders, ...service }],
  } as ConnectionInput);
const codes = (one: { findings: readonly { code: string }[] }) =>
  one.findings.map(({ code }) => code);

describe('connections of 100 instances with 30 each', () => {
  test('are 3,000, 3,750 with 25 % surge, 6,750 with 100 terminating, 6,000 blue-green: 40, 50, 90, 80 GB', () => {
    const [database] = plan().databases;
    expect(
      database?.scenarios.map(({ name, connections, memoryGb }) => [name, connections, memoryGb]),
    ).toEqual([
      ['steady', 3_000, 40],
      ['surge', 3_750, 50],
      ['surge and terminating', 6_750, 90],
      ['blue-green', 6_000, 80],
      ['zone lost', 3_000, 40],
    ]);
    expect(database?.peak).toBe(6_750);
    expect(plan({ rollout: 'blue-green' }).databases[0]?.peak).toBe(6_000);
  });

  test('the autoscaler, processes, a lost zone and all services of a database count', () => {
    const bigger = plan({ maxInstances: 150, processes: 2, zones: 3 }).databases[0];
    const of = (name: string) => bigger?.scenarios.find((one) => one.name === name)?.connections;
    expect([of('steady'), of('surge'), of('zone lost')]).toEqual([9_000, 11_280, 12_000]);
    const two = planConnections({
      databases: [mysql, { name: 'other', engine: 'postgresql' }],
      services: [
        orders,
        { name: 'mail', instances: 10, pool: 5 },
        { name: 'x', instances: 1, pool: 2, database: 'other' },
      ],
    });
    expect(two.databases.map(({ scenarios }) => scenarios[0]?.connections)).toEqual([3_050, 2]);
    expect(two.databases[1]?.budget).toBe(95);
  });

  test.each([
    [{ maxConnections: 2_000 }, {}, ['OVER_BUDGET'], 1],
    [{ maxConnections: 5_000 }, {}, ['DEPLOY_OVER_BUDGET'], 1],
    [{ maxConnections: 8_000 }, {}, ['LITTLE_HEADROOM'], 2],
    [{ maxConnections: 10_000 }, {}, [], 0],
    [{ maxConnections: undefined, memoryGb: 90.1 }, {}, ['LITTLE_HEADROOM'], 2],
    [{}, { queriesPerSecond: 100, queryMs: 20, pool: 5 }, [], 0],
    [{}, { queriesPerSecond: 100, queryMs: 20, pool: 4 }, ['POOL_TOO_SMALL'], 2],
    [{}, { queriesPerSecond: 100, queryMs: 20, pool: 2 }, ['OVERLOADED'], 1],
    [{}, { queriesPerSecond: 100, queryMs: 20, pool: 30 }, ['POOL_TOO_LARGE'], 2],
    [{}, { concurrency: 10, connectionsPerRequest: 2, pool: 10 }, ['POOL_DEADLOCK'], 1],
    [{}, { concurrency: 10, connectionsPerRequest: 2, pool: 11 }, [], 0],
    [{}, { timeoutsMs: { acquire: 100, statement: 500, request: 500 } }, ['TIMEOUT_ORDER'], 2],
    [{}, { timeoutsMs: { acquire: 100, request: 500, client: 900 } }, [], 0],
  ])('%j with %j: %j, exit code %i', (database, service, expected, exitCode) => {
    const made = plan(service, database);
    expect([codes(made), made.exitCode]).toEqual([expected, exitCode]);
    for (const { remedy, message } of made.findings) expect(remedy && message).toBeTruthy();
  });

  test.each([
    [{ mode: 'transaction', poolSize: 100 }, []],
    [{ mode: 'transaction', poolSize: 600, instances: 20 }, ['POOLER_OVER_BUDGET']],
    [{ mode: 'transaction', poolSize: 100, maxClientConnections: 5_000 }, ['POOLER_CLIENTS']],
    [{ mode: 'session', poolSize: 100 }, ['POOLER_SESSION']],
    [
      { mode: 'transaction', poolSize: 100, namedStatements: true, version: 1.18 },
      ['NAMED_STATEMENTS'],
    ],
    [{ mode: 'transaction', poolSize: 100, namedStatements: true, version: 1.21 }, []],
    [{ mode: 'transaction', poolSize: 100, sessionFeatures: true }, ['SESSION_FEATURES']],
  ])('behind PgBouncer %j: %j', (pooler, expected) => {
    expect(codes(plan({}, { engine: 'postgresql', pooler }))).toEqual(expected);
  });

  test('the pool that fits does fit', () => {
    const { poolThatFits = 0 } = plan({}, { maxConnections: 2_000 }).services[0] ?? {};
    expect(poolThatFits).toBe(7);
    expect(plan({ pool: poolThatFits }, { maxConnections: 2_000 }).exitCode).toBe(0);
  });
});

describe('queueing', () => {
  test('at 100 queries a second of 20 ms, five connections keep the p99 wait under 20 ms and four do not', () => {
    expect(serversFor(2, 20, 20)).toBe(5);
    expect(waitMs(5, 2, 20, 0.99)).toBeCloseTo(11.9, 1);
    expect(waitMs(4, 2, 20, 0.99)).toBeCloseTo(28.6, 1);
  });

  test('Erlang C is its textbook sum, between 0 and 1, and falls with every server', () => {
    const load = fc.double({ min: 0.01, max: 40, noNaN: true });
    fc.assert(
      fc.property(load, fc.integer({ min: 1, max: 60 }), (a, c) => {
        if (a >= c) return void expect(erlangC(c, a)).toBe(1);
        let term = 1;
        let sum = 1;
        for (let n = 1; n < c; n++) sum += term *= a / n;
        const last = ((term * a) / c) * (c / (c - a));
        expect(erlangC(c, a)).toBeCloseTo(last / (sum + last), 9);
        expect(erlangC(c + 1, a)).toBeLessThan(erlangC(c, a));
      }),
    );
  });

  test('a simulated pool waits, works and holds as Erlang C and Little say', () => {
    const [arrivalsPerMs, serviceMs, servers] = [0.1, 20, 3] as const;
    const { waited, p99, meanBusy } = simulate(arrivalsPerMs, serviceMs, servers, 400_000);
    const load = arrivalsPerMs * serviceMs;
    expect(waited).toBeCloseTo(erlangC(servers, load), 1.5);
    expect(p99 / waitMs(servers, load, serviceMs, 0.99)).toBeGreaterThan(0.93);
    expect(p99 / waitMs(servers, load, serviceMs, 0.99)).toBeLessThan(1.07);
    expect(meanBusy / load).toBeGreaterThan(0.98);
    expect(meanBusy / load).toBeLessThan(1.02);
  });
});

/** An M/M/c queue, event by event, with a fixed sequence of random numbers (mulberry32). */
function simulate(arrivalsPerMs: number, serviceMs: number, servers: number, calls: number) {
  let seed = 42;
  const random = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const exponential = (mean: number) => -mean * Math.log(1 - random());
  const freeAt = new Array<number>(servers).fill(0);
  const waits: number[] = [];
  let now = 0;
  let work = 0;
  for (let call = 0; call < calls; call++) {
    now += exponential(1 / arrivalsPerMs);
    const server = freeAt.indexOf(Math.min(...freeAt));
    const start = Math.max(now, freeAt[server] as number);
    const service = exponential(serviceMs);
    freeAt[server] = start + service;
    work += service;
    waits.push(start - now);
  }
  waits.sort((a, b) => a - b);
  return {
    waited: waits.filter((wait) => wait > 0).length / calls,
    p99: waits[Math.floor(calls * 0.99)] as number,
    meanBusy: work / now,
  };
}

describe('capacity', () => {
  const input = { dailyUsers: 300_000, services: [{ name: 'gateway', cpuMs: 2 }] };

  test('300,000 daily users are 150,000 at the same time, and the plan says on what that rests', () => {
    const { concurrentUsers, requestsPerSecond, assumptions, services } = planCapacity(input);
    expect([concurrentUsers, requestsPerSecond]).toEqual([150_000, 15_000]);
    expect(assumptions).toContain(
      '50 % of 300,000 daily users come in the busiest hour: 41.67 arrivals a second',
    );
    expect(assumptions).toContain("each stays 60 minutes: 150,000 at the same time (Little's law)");
    // 30 busy cores at 60 % are 50; with one of three zones gone 25 in each of the others.
    expect(services).toEqual([
      {
        name: 'gateway',
        requestsPerSecond: 15_000,
        busyCores: 30,
        needed: 50,
        instances: 75,
        perZone: 25,
      },
    ]);
  });

  test.each([
    [10, 2, ['ZONE_UNEVEN'], 2],
    [9, 2, [], 0],
    [3, 1, ['ZONE_LOSS'], 2],
    [2, 10, ['TOO_FEW', 'ZONE_UNEVEN'], 1],
    [30, 2, ['TOO_MANY'], 2],
  ])('%i instances for %i ms: %j', (instances, cpuMs, expected, exitCode) => {
    const made = planCapacity({
      dailyUsers: 24_000,
      services: [{ name: 'gateway', cpuMs: cpuMs * 1.2, instances }],
    });
    expect([codes(made), made.exitCode]).toEqual([expected, exitCode]);
    if (instances === 10) expect(made.findings[0]?.message).toContain('takes 40 % of them along');
  });

  test('whatever the load, what is left after a zone is enough, and zones are even', () => {
    const users = fc.integer({ min: 1, max: 10_000_000 });
    fc.assert(
      fc.property(users, fc.integer({ min: 2, max: 6 }), (dailyUsers, zones) => {
        const [one] = planCapacity({ ...input, dailyUsers, zones }).services;
        expect((one?.instances ?? 0) - (one?.perZone ?? 0)).toBeGreaterThanOrEqual(
          one?.needed ?? 1,
        );
        expect((one?.instances ?? 1) % zones).toBe(0);
      }),
    );
  });
});

describe('probes', () => {
  test('of a plain service are startup 2 s x 30, readiness 5 s / 2 s / 2, liveness 10 s / 3 s / 6', () => {
    expect(planProbes({ failAfter: 1 })).toEqual({
      startupProbe: { path: '/startup', periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 30 },
      readinessProbe: { path: '/ready', periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 2 },
      livenessProbe: { path: '/live', periodSeconds: 10, timeoutSeconds: 3, failureThreshold: 6 },
      terminationGracePeriodSeconds: 30,
      preStopSeconds: 0,
      graceMs: 28_000,
      drainDelayMs: 5_000,
      detectionSeconds: 10.5,
      findings: [],
      exitCode: 0,
    });
  });

  test('the grace period is preStop + drain delay + slowest request + jobs + 5 s', () => {
    const made = planProbes({ requestSeconds: 12, jobSeconds: 60, failAfter: 1 });
    expect([made.terminationGracePeriodSeconds, made.graceMs]).toEqual([82, 80_000]);
    expect(planProbes({ startupSeconds: 100 }).startupProbe.failureThreshold).toBe(100);
    expect(planProbes({ checkTimeoutMs: 2_500 }).readinessProbe.timeoutSeconds).toBe(4);
  });

  test.each([
    [{ preStopSeconds: 5, failAfter: 1 }, ['DELAY_TWICE']],
    [{ drainDelaySeconds: 0, failAfter: 1 }, ['NO_DELAY']],
    [{}, ['DAMPED_TWICE']],
    [{ jobSeconds: 700, failAfter: 1 }, ['LONG_GRACE']],
  ])('%j warns %j', (input, expected) => {
    const made = planProbes(input);
    expect([codes(made), made.exitCode]).toEqual([expected, 2]);
  });
});

describe('wrong plans', () => {
  test.each<[unknown, string]>([
    [undefined, '`plan` to be an object, got undefined'],
    [[], '`plan` to be an object, got array'],
    [{ services: [orders] }, '`databases` to be an array of at least one object'],
    [{ databases: [], services: [orders] }, '`databases` to be an array of at least one object'],
    [
      { databases: [mysql], services: [{ ...orders, pool: -1 }] },
      '`services[0].pool` in [1, 1000000], got -1',
    ],
    [
      { databases: [mysql], services: [{ ...orders, pool: '30' }] },
      '`services[0].pool` to be a number, got "30"',
    ],
    [
      { databases: [mysql], services: [{ name: 'a', pool: 1 }] },
      '`services[0].instances` to be a number, got undefined',
    ],
    [
      { databases: [mysql], services: [{ ...orders, maxInstances: 50 }] },
      '`services[0].maxInstances` in [100, 1000000], got 50',
    ],
    [
      { databases: [mysql], services: [{ ...orders, maxSurge: '25' }] },
      '`services[0].maxSurge` to be a number of instances or a share',
    ],
    [
      { databases: [mysql], services: [{ ...orders, queryMs: 5 }] },
      '`queriesPerSecond` and `queryMs` of orders together',
    ],
    [
      { databases: [mysql], services: [{ ...orders, database: 'x' }] },
      '`database` of orders to be one of main, got "x"',
    ],
    [
      { databases: [mysql], services: [orders, orders] },
      '`services` to have different names, got "orders" twice',
    ],
    [
      { databases: [mysql], services: [{ ...orders, pols: 3 }] },
      'Unknown option `services[0].pols`, expected one of',
    ],
    [
      { databases: [{ ...mysql, reserved: 10_000 }], services: [orders] },
      '`databases[0].reserved` in [0, 9999], got 10000',
    ],
    [
      { databases: [{ ...mysql, engine: 'oracle' }], services: [orders] },
      '`databases[0].engine` to be one of postgresql, mysql',
    ],
    [
      { databases: [{ ...mysql, pooler: { mode: 'transaction' } }], services: [orders] },
      '`databases[0].pooler.poolSize` to be a number',
    ],
  ])('%#: name field, rule and value', (input, message) => {
    expect(() => planConnections(input as never)).toThrow(message);
  });

  test.each<[() => unknown, string]>([
    [
      () => planCapacity({ dailyUsers: Number.NaN, services: [] }),
      '`dailyUsers` in [1, 10000000000], got NaN',
    ],
    [
      () => planCapacity({ dailyUsers: 1, peakHourShare: 50, services: [] }),
      '`peakHourShare` in [0.001, 1], got 50',
    ],
    [
      () => planCapacity({ dailyUsers: 1, services: [{ name: 'a', cpuMs: 0 }] }),
      '`services[0].cpuMs`',
    ],
    [() => planProbes({ jobSeconds: -1 }), '`jobSeconds` in [0, 86400], got -1'],
    [
      () => planProbes({ job: 1 } as never),
      'Unknown option `job`, expected one of startupSeconds,',
    ],
  ])('%#: so do the others', (make, message) => {
    expect(make).toThrow(message);
  });
});
