/** What a scenario stands on: servers, the shop, a front door, accounts, and somebody who watches. */
import { setMaxListeners } from 'node:events';
import pg from 'pg';
import { paths } from '../addresses.ts';
import type { NewEvent } from '../contract.ts';
import { Fleet, type FleetOptions } from './fleet.ts';
import { FrontDoor } from './front-door.ts';
import { arrive } from './open-model.ts';
import type { ProofOptions } from './options.ts';
import { People } from './people.ts';
import { ProcessMeter } from './proc.ts';
import type { Progress } from './progress.ts';
import { seeded } from './random.ts';
import { Recorder } from './recorder.ts';
import { scrape } from './scrape.ts';
import { Servers } from './servers.ts';
import { Shopper } from './shopper.ts';

export type Sample = {
  at: number;
  free: number;
  held: number;
  sold: number;
  /** orders that were accepted and not settled */
  queue: number;
  /** 1 while some worker's breaker of the payment provider is open, 0.5 half-open */
  breaker: number;
};

export type RunOptions = ProofOptions & { progress: Progress; signal: AbortSignal };
type RunBasics = Pick<RunOptions, 'progress' | 'seed' | 'signal' | 'verbose'>;
export type StageOptions = Partial<
  Pick<FleetOptions, 'fronts' | 'workers' | 'sockets' | 'apart' | 'env'>
>;

export class Stage {
  readonly servers: Servers;
  readonly fleet: Fleet;
  readonly door: FrontDoor;
  readonly database: pg.Pool;
  readonly people: People;
  readonly recorder = new Recorder();
  readonly meter: ProcessMeter;
  readonly samples: Sample[] = [];
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  readonly #timer: NodeJS.Timeout;
  #organiser: Promise<string> | undefined;
  #sampling = false;
  #stopped = false;

  private constructor(servers: Servers, fleet: Fleet, options: RunBasics) {
    this.servers = servers;
    this.fleet = fleet;
    this.signal = options.signal;
    // everybody in the crowd who waits listens to it
    setMaxListeners(0, options.signal);
    this.progress = options.progress;
    this.random = seeded(options.seed);
    this.database = new pg.Pool({ connectionString: servers.postgres.url, max: 3 });
    this.database.on('error', () => {});
    this.people = new People({ database: this.database, secret: fleet.secret });
    this.door = new FrontDoor(() => fleet.fronts.map(({ url }) => url), { signal: options.signal });
    fleet.onChange = () => this.door.refresh();
    const driver = (): [string, number][] => [['driver', process.pid]];
    this.meter = new ProcessMeter(() => [...fleet.pids, ...servers.pids, ...driver()]);
    this.#timer = setInterval(() => void this.#sample(), 1_000).unref();
  }

  static async start(
    options: RunBasics,
    { fronts = 3, workers = 2, sockets = 0, apart = false, env = {} }: StageOptions,
  ): Promise<Stage> {
    const { progress, signal, verbose } = options;
    const servers = await progress.step('Redis, PostgreSQL and Kafka', () =>
      Servers.start((line) => verbose && progress.line(line), signal),
    );
    try {
      const fleetOptions: FleetOptions = {
        ...{ fronts, workers, sockets, apart },
        env: { ...servers.env, ...env },
        onLine: (name, line) => verbose && progress.line(`${name.padEnd(10)} ${line}`),
      };
      const who = apart ? 'each service apart' : `${fronts} fronts, ${workers} workers`;
      const fleet = await progress.step(`shop: ${who}`, () => Fleet.start(fleetOptions, signal));
      return new Stage(servers, fleet, options);
    } catch (error) {
      await servers.stop();
      throw error;
    }
  }

  /** The token of who puts on sale and sets prices. */
  organiser(): Promise<string> {
    this.#organiser ??= this.people
      .add(1, 'organiser')
      .then(([id = '']) => this.people.token(id, 'organiser'));
    return this.#organiser;
  }

  /** So many new buyers. */
  async shoppers(count: number): Promise<Shopper[]> {
    const ids = await this.people.add(count);
    return Promise.all(
      ids.map(async (id) => new Shopper(this.door, this.recorder, id, await this.people.token(id))),
    );
  }

  /** Puts an event of `seats` seats on sale and gives their names, row by row. */
  async putOnSale(slug: string, seats: number, more: Partial<NewEvent> = {}): Promise<string[]> {
    const perRow = Math.max(20, Math.ceil(seats / 600));
    const rows = Array.from({ length: Math.ceil(seats / perRow) }, (_, index) => ({
      row: rowName(index),
      seats: Math.min(perRow, seats - index * perRow),
    }));
    const event: NewEvent = {
      slug,
      title: `Proof ${slug}`,
      tagline: 'Everybody comes.',
      venue: 'Lantern House',
      city: 'Port Merrow',
      startsAt: '2031-01-01T19:30:00.000Z',
      currency: 'EUR',
      opensAt: null,
      hasWaitingRoom: false,
      admitPerSecond: 50,
      categories: [{ sku: 'all', name: 'All', priceCents: 2_000, rows }],
      ...more,
    };
    const token = await this.organiser();
    const path = paths.organiser.events;
    const answer = await this.door.call({ method: 'POST', path, token, body: event });
    if (answer.status !== 201)
      throw new Error(`The event was refused: ${JSON.stringify(answer.body)}`);
    return rows.flatMap(({ row, seats: count }) =>
      Array.from({ length: count }, (_, seat) => `${row}-${seat + 1}`),
    );
  }

  /** People who come at random, so many a second; the signal ends only the coming. */
  arrive(
    perSecond: number,
    count: number,
    come: (index: number, intendedAt: number) => Promise<unknown>,
    signal = this.signal,
  ): Promise<void> {
    return arrive({ perSecond, count, random: this.random, signal }, come);
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.door.close();
    await this.fleet.stop();
    await this.database.end().catch(() => {});
    await this.servers.stop();
  }

  async #sample(): Promise<void> {
    this.meter.sample(this.recorder.phase);
    if (this.#sampling) return;
    this.#sampling = true;
    const at = Math.round(this.recorder.now * 10) / 10;
    const [books, ...scrapes] = await Promise.all([
      this.database
        .query<{ total: number; sold: number; queue: number }>(
          `select (select coalesce(sum(total), 0)::int from soft_hold.sku where pool like $1) as total,
             (select coalesce(sum(sold), 0)::int from soft_hold.sku) as sold,
             (select count(*)::int from orders where state = 'processing') as queue`,
          [`${this.fleet.namespace}.proof-%`],
        )
        .then(
          ({ rows }) => rows[0],
          () => undefined,
        ),
      ...[...this.fleet.fronts, ...this.fleet.workers].map(({ url }) => scrape(url)),
    ]);
    const state = (name: string) =>
      Math.max(
        0,
        ...scrapes.map((read) => read?.('evenkeel_circuit_breaker_state', { state: name }) ?? 0),
      );
    const held = Math.max(
      0,
      ...scrapes.map(
        (read) => read?.('evenkeel_soft_hold_stock_units', { sku: 'all', state: 'held' }) ?? 0,
      ),
    );
    if (books && !this.#stopped) {
      const { total, sold, queue } = books;
      const breaker = state('open') ? 1 : state('half-open') ? 0.5 : 0;
      this.samples.push({ at, free: Math.max(0, total - sold - held), held, sold, queue, breaker });
      const { pending } = this.door;
      this.progress.live(
        `${this.recorder.phase}: sold ${sold}, held ${held}, queue ${queue}, under way ${pending}`,
      );
    }
    this.#sampling = false;
  }
}

/** A, B, ... Z, AA, AB, ... */
function rowName(index: number): string {
  const letter = (n: number) => String.fromCharCode(65 + n);
  return index < 26 ? letter(index) : letter(Math.floor(index / 26) - 1) + letter(index % 26);
}
