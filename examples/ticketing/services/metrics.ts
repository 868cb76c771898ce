/**
 * What Prometheus is told of a process. Everything is read when it is asked for: between two scrapes a request
 * pays for one observation of its duration and nothing else.
 */
import { createServer } from 'node:http';
import { performance } from 'node:perf_hooks';
import type { OutboxRelay, Worker } from '@evenkeel/async-jobs';
import { registerMetrics as registerJobs } from '@evenkeel/async-jobs/prometheus';
import type { CircuitBreaker } from '@evenkeel/circuit-breaker';
import { registerMetrics as registerBreakers } from '@evenkeel/circuit-breaker/prometheus';
import type { Health } from '@evenkeel/health';
import type { ReadWriteRouter, ReplicaReport } from '@evenkeel/health/postgres';
import { registerMetrics as registerHealth } from '@evenkeel/health/prometheus';
import type { HoldPool } from '@evenkeel/soft-hold';
import { registerMetrics as registerHolds } from '@evenkeel/soft-hold/prometheus';
import type { TieredCache } from '@evenkeel/tiered-cache';
import { registerMetrics as registerCaches } from '@evenkeel/tiered-cache/prometheus';
import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { WaitingRooms } from './inventory/waiting-rooms.ts';

/** seconds; the objectives of the alerts, 0.05 and 0.2, are bounds, so that nothing is interpolated there */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10];

export class Metrics {
  readonly registry = new Registry();
  /** Whoever opens one of these puts it here; `register` follows once all are open. */
  readonly workers: Worker[] = [];
  readonly relays: OutboxRelay[] = [];
  readonly breakers: CircuitBreaker[] = [];
  readonly caches: TieredCache[] = [];
  readonly pools: HoldPool[] = [];
  /** what readers of event pages still ask of the database, cached or not */
  readonly catalogLoads: Counter;
  readonly #databases = new Map<string, Pool>();

  constructor(service: string, health: Health) {
    const registers = [this.registry];
    this.registry.setDefaultLabels({ service });
    collectDefaultMetrics({ register: this.registry });
    this.catalogLoads = new Counter({
      name: 'ticketing_catalog_loads_total',
      help: 'Event pages read from the database',
      registers,
    });
    let before = performance.eventLoopUtilization();
    new Gauge({
      name: 'ticketing_event_loop_utilization_ratio',
      help: 'Share of the time since the last scrape in which the event loop was busy, 0 to 1',
      registers,
      collect() {
        const now = performance.eventLoopUtilization();
        this.set(performance.eventLoopUtilization(now, before).utilization);
        before = now;
      },
    });
    registerHealth(this.registry, health);
    const gauge = this.#databaseGauge.bind(this);
    gauge('connections', 'Connections to PostgreSQL that are open', (pool) => pool.totalCount);
    gauge('connections_idle', 'Those that nobody uses', (pool) => pool.idleCount);
    gauge('connections_max', 'How many this process may open', (pool) => pool.options.max);
    gauge('waiting', 'Queries that wait for a connection', (pool) => pool.waitingCount);
  }

  #databaseGauge(name: string, help: string, read: (pool: Pool) => number): void {
    const databases = this.#databases;
    new Gauge({
      name: `ticketing_database_${name}`,
      help,
      labelNames: ['database'],
      registers: [this.registry],
      collect() {
        for (const [database, pool] of databases) this.set({ database }, read(pool));
      },
    });
  }

  /** Durations by route, not by path: ids in labels would be a series each, and personal data. */
  http(app: FastifyInstance): void {
    const durations = new Histogram({
      name: 'ticketing_http_request_duration_seconds',
      help: 'From the first byte of a request to the last of its answer',
      labelNames: ['method', 'route', 'status'],
      buckets,
      registers: [this.registry],
    });
    app.addHook('onResponse', (request, reply, done) => {
      const route = request.routeOptions.url ?? 'none';
      const labels = { method: request.method, route, status: reply.statusCode };
      durations.observe(labels, reply.elapsedTime / 1_000);
      done();
    });
  }

  database(database: string, pool: Pool): void {
    this.#databases.set(database, pool);
  }

  /** Of the replicas that are read from: how far behind they are, and who answered. */
  replicas(router: ReadWriteRouter): void {
    const registers = [this.registry];
    const lag = (value: (replica: ReplicaReport) => number | undefined) =>
      function collect(this: Gauge) {
        for (const replica of router.snapshot().replicas) {
          const known = value(replica);
          if (known !== undefined) this.set({ replica: replica.name }, known);
        }
      };
    new Gauge({
      name: 'ticketing_replica_lag_seconds',
      help: 'How far a replica of PostgreSQL was behind when it was last looked at',
      labelNames: ['replica'],
      registers,
      collect: lag(({ lagMs }) => (lagMs === undefined ? undefined : lagMs / 1_000)),
    });
    new Gauge({
      name: 'ticketing_replica_serving',
      help: '1 while reads go to the replica, 0 while it is passed over',
      labelNames: ['replica'],
      registers,
      collect: lag(({ isServing }) => Number(isServing)),
    });
    new Gauge({
      name: 'ticketing_replica_reads',
      help: 'Reads since the start, by who answered',
      labelNames: ['from'],
      registers,
      collect() {
        const { replica, primary } = router.snapshot().reads;
        this.set({ from: 'replica' }, replica);
        this.set({ from: 'primary' }, primary);
      },
    });
  }

  /** Every process of the inventory tells of the same people. */
  waitingRooms(rooms: Pick<WaitingRooms, 'people'>): void {
    new Gauge({
      name: 'ticketing_waiting_room_people',
      help: 'People of a sale with a waiting room: waiting in it, or inside and choosing',
      labelNames: ['event', 'state'],
      registers: [this.registry],
      async collect() {
        this.reset();
        for (const { event, ...states } of await rooms.people()) {
          for (const [state, people] of Object.entries(states)) this.set({ event, state }, people);
        }
      },
    });
  }

  webSockets({ clients }: { clients: { readonly size: number } }): void {
    new Gauge({
      name: 'ticketing_websocket_clients',
      help: 'Browsers connected by WebSocket',
      registers: [this.registry],
      collect() {
        this.set(clients.size);
      },
    });
  }

  /** What the packages tell of the things that were opened. Once. */
  register(): void {
    const { registry, workers, relays, breakers, caches, pools } = this;
    // a server that is silent takes its figures out of a scrape, and not the scrape away
    const patience = { timeoutMs: 300 };
    if (workers.length + relays.length > 0) registerJobs(registry, { workers, relays }, patience);
    if (breakers.length > 0) registerBreakers(registry, breakers);
    if (caches.length > 0) registerCaches(registry, caches);
    // events come on sale later too: the array is read at each scrape
    registerHolds(registry, pools, patience);
  }

  /** `/metrics` on the service's own port, where one machine is all there is. */
  route(app: FastifyInstance): void {
    app.get('/metrics', async (_request, reply) => {
      reply.header('content-type', this.registry.contentType);
      return this.registry.metrics();
    });
  }

  /** `/metrics` on a port of its own, which no proxy leads to. */
  async listen(host: string, port: number): Promise<{ close(): Promise<void> }> {
    const server = createServer((request, response) => {
      if (request.url !== '/metrics') return void response.writeHead(404).end();
      this.registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': this.registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      );
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ host, port }, resolve);
    });
    return {
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    };
  }
}
