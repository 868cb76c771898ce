/**
 * 150,000 people in the waiting room, each with a WebSocket and a token of their own, kept until the sale
 * opens and beyond, all told of the opening and of every seat that is taken then, while others use the API.
 */
import { paths } from '../../addresses.ts';
import type { WaitingTicket } from '../../contract.ts';
import { claim } from '../claims.ts';
import { Crowd } from '../crowd.ts';
import type { CrowdReport } from '../crowd-worker.ts';
import { arrive } from '../open-model.ts';
import { pause } from '../pause.ts';
import { usageOf } from '../proc.ts';
import { type Curve, resultOf, type ScenarioResult } from '../result.ts';
import { ask, Shopper } from '../shopper.ts';
import type { Stage } from '../stage.ts';

const slug = 'proof-crowd';
/** each takes a seat after the opening, and everybody is told of it */
const buyers = 5;
const story = '150,000 concurrent users';

export type CrowdSize = {
  users: number;
  joinsPerSecond: number;
  /** between the planned end of the storm and the opening, beside half of `keptMs` */
  slackMs: number;
  keptMs: number;
  readsPerSecond: number;
};

export async function crowdScenario(stage: Stage, size: CrowdSize): Promise<ScenarioResult> {
  const { recorder, signal, fleet, progress, meter } = stage;
  const { users, joinsPerSecond, keptMs } = size;
  // room for a storm that is slower than planned
  const openingAt = Date.now() + (users / joinsPerSecond) * 1_500 + size.slackMs + keptMs / 2;
  const seats = await stage.putOnSale(slug, 1_000, {
    hasWaitingRoom: true,
    opensAt: new Date(openingAt).toISOString(),
    admitPerSecond: buyers,
  });
  const visitors = await inTheLobby(stage);
  const gateways = fleet.members.filter(({ role }) => role === 'sockets');
  await pause(2_000, signal);
  const memory = () =>
    gateways.reduce((sum, { process: { pid = 0 } }) => sum + (usageOf(pid)?.memoryBytes ?? 0), 0);
  const baseBytes = memory();

  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const readers = readMeanwhile(stage, size.readsPerSecond, stop);
  const ports = gateways.map(({ url }) => Number(new URL(url).port));
  const shared = { event: slug, secret: fleet.secret, perSecond: joinsPerSecond };
  const crowd = new Crowd(users, ports, shared);
  meter.add(() => crowd.pids);
  const perUserKiB = () => (memory() - baseBytes) / 1_024 / Math.max(1, crowd.report.connected);
  const memoryCurve: Curve = { title: 'Server memory a user above the base, KiB', points: [] };
  const watch = setInterval(() => {
    // of the first few it is what the process would have taken anyway
    if (crowd.report.connected < users / 20) return;
    memoryCurve.points.push([Math.round(recorder.now), Math.round(perUserKiB() * 100) / 100]);
  }, 2_000);
  try {
    recorder.enter('storm');
    const storm = performance.now();
    const joined = await progress.step(`${users} users connect`, () => crowd.join(signal));
    const stormSeconds = (performance.now() - storm) / 1_000;
    recorder.enter('lobby');
    while (Date.now() < openingAt && !signal.aborted) {
      const left = Math.ceil((openingAt - Date.now()) / 1_000);
      progress.live(`${crowd.report.connected} wait for the opening in ${left} s`);
      await pause(Math.min(1_000, openingAt - Date.now()), signal);
    }
    recorder.enter('opening');
    recorder.mark('the sale opens');
    await until(crowd, signal, ({ opening }) => opening.count >= joined.connected);
    recorder.enter('seats');
    const takenAt: number[] = [];
    for (const [index, { shopper, ticket }] of visitors.entries()) {
      if (signal.aborted) break;
      const pass = await shopper.enter(slug, ticket);
      recorder.mark('a seat is taken');
      takenAt.push(Date.now());
      if (pass) await shopper.hold(slug, seats[index] as string, { pass });
      await until(crowd, signal, ({ changes }) => {
        const told = Object.values(changes);
        return told.length > index && told.every(({ count }) => count >= joined.connected);
      });
    }
    recorder.enter('after');
    await pause(openingAt + keptMs / 2 - Date.now(), signal);
    const kiB = perUserKiB();
    over.abort();
    await readers;
    await pause(1_500, signal);
    const end = crowd.report;
    const api = recorder.total((phase) => phase !== 'before');
    const changes = Object.entries(end.changes)
      .sort(([a], [b]) => Number(a) - Number(b))
      .map(([, told]) => told);
    const lateSeconds = changes.map(
      ({ lastAt }, index) => (lastAt - (takenAt[index] ?? 0)) / 1_000,
    );
    const { opening } = end;
    const c = (text: string, ...rest: Rest) => claim('crowd', text, story, ...rest);
    const openSeconds = opening.count > 0 ? (opening.lastAt - openingAt) / 1_000 : undefined;
    return resultOf(
      'crowd',
      stage,
      [
        c('users connected', joined.connected, { exactly: users }),
        c('users lost', end.lost, { exactly: 0 }),
        c('told of the opening', opening.count, { exactly: users }),
        c('last one told, after the opening', openSeconds, { atMost: 2 }, 's'),
        c(
          'seats taken, of which all were told',
          changes.filter(({ count }) => count === users).length,
          {
            exactly: buyers,
          },
        ),
        c(
          'last one told of a seat, after it was asked for',
          Math.max(...lateSeconds),
          { atMost: 2 },
          's',
        ),
        c('told the same twice', end.toldTwice, { exactly: 0 }),
        c('server memory a user above the base', kiB, { atMost: 6.5 }, 'KiB'),
        c('API answers meanwhile, p99', api.p99Ms, { atMost: 200 }, 'ms'),
        c('wrong answers', api.counts.wrong, { exactly: 0 }),
      ],
      [
        `${users} users at ${gateways.length} gateways of ${Math.round(baseBytes / gateways.length / 2 ** 20)} MiB; ${Math.round(joined.connected / stormSeconds)} connections/s; kept for ${Math.round(recorder.now - stormSeconds)} s; ${end.messages} messages, ${end.pings} heartbeats`,
        `the first one was told ${openSeconds === undefined ? 'nothing' : `${(opening.firstAt - openingAt) / 1_000} s`} after the opening; of the seats the last ones ${lateSeconds.map((seconds) => seconds.toFixed(2)).join(', ')} s`,
      ],
      { curves: [memoryCurve] },
    );
  } finally {
    clearInterval(watch);
    over.abort();
    await crowd.end();
  }
}

type Rest = [figure: number | undefined, bound: Parameters<typeof claim>[4], unit?: string];

/** A few who will take seats: they stand in the room before it opens. */
async function inTheLobby({ people, door, recorder }: Stage) {
  const visitors: { shopper: Shopper; ticket: WaitingTicket }[] = [];
  for (const id of await people.add(buyers)) {
    const shopper = new Shopper(door, recorder, await people.token(id));
    const ticket = await shopper.join(slug);
    if (!ticket) throw new Error('nobody is let into the waiting room');
    visitors.push({ shopper, ticket });
  }
  return visitors;
}

function readMeanwhile(stage: Stage, perSecond: number, signal: AbortSignal): Promise<void> {
  const { door, recorder, random } = stage;
  // more than the longest run needs: the signal ends it
  const plan = { perSecond, count: perSecond * 1_800, random, signal };
  return arrive(plan, (index, intendedAt) =>
    index % 2 === 0
      ? ask(door, recorder, { kind: 'event page', path: paths.event(slug), intendedAt })
      : ask(door, recorder, { kind: 'room page', path: paths.waitingRoom(slug), intendedAt }),
  );
}

/** A minute at most. */
async function until(crowd: Crowd, signal: AbortSignal, is: (report: CrowdReport) => boolean) {
  for (let wait = 0; wait < 300 && !signal.aborted && !is(crowd.report); wait += 1) {
    await pause(200, signal);
  }
}
