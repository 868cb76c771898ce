/**
 * 150,000 people in the waiting room, each with a WebSocket and a token of their own, kept until the sale
 * opens and beyond, all told of the opening and of every seat that is taken then, while others use the API. They watch the
 * room; those with a place in it are the few who take seats (50,000 of them come in the sale).
 */
import { paths } from '../../addresses.ts';
import type { WaitingTicket } from '../../contract.ts';
import { atMost, claims, exactly } from '../claims.ts';
import { Crowd } from '../crowd.ts';
import type { Member } from '../fleet.ts';
import { pause, until } from '../pause.ts';
import { usageOf } from '../proc.ts';
import { type Curve, resultOf, type ScenarioResult } from '../result.ts';
import { ask, type Shopper } from '../shopper.ts';
import type { Stage } from '../stage.ts';

const slug = 'proof-crowd';
/** each takes a seat after the opening, and everybody is told of it */
const buyers = 5;
const tellWithinMs = 2_000;
/** of the phase that is called so, at least */
const openingMs = 3_000;

export type CrowdSize = {
  users: number;
  joinsPerSecond: number;
  /** between the planned end of the storm and the opening, beside half of `keptMs` */
  slackMs: number;
  keptMs: number;
  readsPerSecond: number;
};

export async function crowdScenario(stage: Stage, size: CrowdSize): Promise<ScenarioResult> {
  const { fleet, meter } = stage;
  const gateways = fleet.members.filter(({ role }) => role === 'sockets');
  const ports = gateways.map(({ url }) => Number(new URL(url).port));
  const shared = { event: slug, secret: fleet.secret, perSecond: size.joinsPerSecond };
  const crowd = new Crowd(size.users, ports, shared);
  meter.add(() => crowd.pids);
  try {
    return await withCrowd(crowd, gateways, stage, size);
  } finally {
    await crowd.end();
  }
}

async function withCrowd(
  crowd: Crowd,
  gateways: readonly Member[],
  stage: Stage,
  size: CrowdSize,
): Promise<ScenarioResult> {
  const { recorder, signal, progress } = stage;
  const { users, joinsPerSecond, keptMs } = size;
  await progress.step(`${users} people log in`, () => crowd.prepare(signal));
  // room for a storm that takes twice as long as planned
  const openingAt = Date.now() + (users / joinsPerSecond) * 2_000 + size.slackMs + keptMs / 2;
  const seats = await stage.putOnSale(slug, 1_000, {
    hasWaitingRoom: true,
    opensAt: new Date(openingAt).toISOString(),
    admitPerSecond: buyers,
  });
  const visitors = await inTheLobby(stage);
  await pause(2_000, signal);
  const memory = () =>
    gateways.reduce((sum, { process: { pid = 0 } }) => sum + (usageOf(pid)?.memoryBytes ?? 0), 0);
  const baseBytes = memory();

  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const readers = readMeanwhile(stage, size.readsPerSecond, stop);
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
    const joinedAt = Date.now();
    const joinedSecond = recorder.now;
    recorder.enter('lobby');
    while (Date.now() < openingAt && !signal.aborted) {
      const left = Math.ceil((openingAt - Date.now()) / 1_000);
      progress.live(`${crowd.report.connected} wait for the opening in ${left} s`);
      await pause(Math.min(1_000, openingAt - Date.now()), signal);
    }
    recorder.enter('opening');
    recorder.mark('the sale opens');
    // a minute at most
    const patience = { everyMs: 200, forMs: 60_000, signal };
    await until(() => crowd.report.opening.count >= joined.connected, patience);
    // a small crowd has heard of it before there are enough answers for a p99
    await pause(Math.max(0, openingAt + openingMs - Date.now()), signal);
    recorder.enter('seats');
    const takenAt: number[] = [];
    for (const [index, { shopper, ticket }] of visitors.entries()) {
      if (signal.aborted) break;
      const pass = await shopper.enter(slug, ticket);
      recorder.mark('a seat is taken');
      takenAt.push(Date.now());
      if (pass) await shopper.hold(slug, seats[index] as string, { pass });
      await until(() => {
        const told = Object.values(crowd.report.changes);
        return told.length > index && told.every(({ count }) => count >= joined.connected);
      }, patience);
    }
    recorder.enter('after');
    await pause(Math.max(openingAt + keptMs / 2, joinedAt + keptMs) - Date.now(), signal);
    const keptSeconds = (Date.now() - joinedAt) / 1_000;
    const kiB = perUserKiB();
    over.abort();
    await readers;
    await pause(1_500, signal);
    const end = crowd.report;
    const wrong = recorder.total((phase) => phase !== 'before').counts.wrong;
    const mostKiB = Math.max(
      kiB,
      ...memoryCurve.points.filter(([at]) => at >= joinedSecond).map(([, value]) => value),
    );
    const changes = Object.entries(end.changes)
      .sort(([a], [b]) => Number(a) - Number(b))
      .map(([, told]) => told);
    // of a hold that has run out all are told as well
    const lateSeconds = changes
      .slice(0, takenAt.length)
      .map(({ lastAt }, index) => (lastAt - (takenAt[index] as number)) / 1_000);
    const { opening } = end;
    const toldToAll = changes.filter(({ count }) => count === users).length;
    const openSeconds = opening.count > 0 ? (opening.lastAt - openingAt) / 1_000 : undefined;
    return resultOf(
      'crowd',
      stage,
      claims('crowd', '150,000 concurrent users', [
        ['users connected', joined.connected, exactly(users)],
        ['users whose token was verified', end.authorized, exactly(users)],
        ['told that something was refused', totalOf(end.refusals), exactly(0)],
        ['users lost', end.lost, exactly(0)],
        ['told of the opening', opening.count, exactly(users)],
        ['last one told, after the opening', openSeconds, atMost(tellWithinMs / 1_000), 's'],
        ['seats taken, of which all were told', toldToAll, exactly(buyers)],
        [
          'last one told of a seat, after it was asked for',
          lateSeconds.length < buyers ? undefined : Math.max(...lateSeconds),
          atMost(tellWithinMs / 1_000),
          's',
        ],
        ['told the same twice', end.toldTwice, exactly(0)],
        ['server memory a user above the base, at most', mostKiB, atMost(6.5), 'KiB'],
        ['API answers in the storm, p99', recorder.p99Of('storm'), atMost(200), 'ms'],
        ['API answers at the opening, p99', recorder.p99Of('opening'), atMost(200), 'ms'],
        ['API answers while seats are taken, p99', recorder.p99Of('seats'), atMost(200), 'ms'],
        ['wrong answers', wrong, exactly(0)],
      ]),
      [
        `${users} users at ${gateways.length} gateways of ${Math.round(baseBytes / gateways.length / 2 ** 20)} MiB; ${Math.round(joined.connected / stormSeconds)} connections/s; kept for ${Math.round(keptSeconds)} s; ${end.messages} messages, ${end.pings} heartbeats`,
        ...listed('could not come', joined.failures),
        ...listed('were refused something', end.refusals),
        `the first one was told ${openSeconds === undefined ? 'nothing' : `${(opening.firstAt - openingAt) / 1_000} s`} after the opening; of the seats the last ones ${lateSeconds.map((seconds) => seconds.toFixed(2)).join(', ')} s`,
      ],
      { curves: [memoryCurve] },
    );
  } finally {
    clearInterval(watch);
    over.abort();
  }
}

const totalOf = (counts: Record<string, number>) =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

/** A note of what should not have been, or none. */
const listed = (title: string, counts: Record<string, number>) =>
  totalOf(counts) === 0
    ? []
    : [
        `${title}: ${Object.entries(counts)
          .map(([why, count]) => `${count} ${why}`)
          .join(', ')}`,
      ];

/** A few who will take seats: they stand in the room before it opens. */
async function inTheLobby(stage: Stage) {
  const visitors: { shopper: Shopper; ticket: WaitingTicket }[] = [];
  for (const shopper of await stage.shoppers(buyers)) {
    const ticket = await shopper.join(slug);
    if (!ticket) throw new Error('nobody is let into the waiting room');
    visitors.push({ shopper, ticket });
  }
  return visitors;
}

/** Visitors, each of whom opens the event and its room at the same moment. */
function readMeanwhile(stage: Stage, perSecond: number, signal: AbortSignal): Promise<void> {
  const pages = [
    { kind: 'event page', path: paths.event(slug) },
    { kind: 'room page', path: paths.waitingRoom(slug) },
  ];
  const visit = (_index: number, intendedAt: number) =>
    Promise.all(pages.map((page) => ask(stage.door, stage.recorder, { ...page, intendedAt })));
  // more than the longest run needs: the signal ends it
  return stage.arrive(perSecond / pages.length, perSecond * 1_800, visit, signal);
}
