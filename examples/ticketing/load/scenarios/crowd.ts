/**
 * 150,000 people in the waiting room, each with a WebSocket and a token of their own, kept until the sale
 * opens and beyond, all told of the opening, while others use the API.
 */
import { paths } from '../../addresses.ts';
import { claim } from '../claims.ts';
import { Crowd } from '../crowd.ts';
import { arrive } from '../open-model.ts';
import { pause } from '../pause.ts';
import { usageOf } from '../proc.ts';
import { resultOf, type ScenarioResult } from '../result.ts';
import { ask } from '../shopper.ts';
import type { Stage } from '../stage.ts';

const slug = 'proof-crowd';

export type CrowdSize = {
  users: number;
  joinsPerSecond: number;
  /** between the planned end of the storm and the opening, beside half of `keptMs` */
  slackMs: number;
  keptMs: number;
  readsPerSecond: number;
};

export async function crowdScenario(stage: Stage, size: CrowdSize): Promise<ScenarioResult> {
  const { door, recorder, signal, random, fleet, progress } = stage;
  const { users, joinsPerSecond, keptMs } = size;
  // room for a storm that is slower than planned
  const openingAt = Date.now() + (users / joinsPerSecond) * 1_500 + size.slackMs + keptMs / 2;
  await stage.putOnSale(slug, 1_000, {
    hasWaitingRoom: true,
    opensAt: new Date(openingAt).toISOString(),
    admitPerSecond: 1,
  });
  const gateways = fleet.members.filter(({ role }) => role === 'sockets');
  const memory = () =>
    gateways.reduce((sum, { process: { pid = 0 } }) => sum + (usageOf(pid)?.memoryBytes ?? 0), 0);
  await pause(2_000, stage.signal);
  const baseBytes = memory();

  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const count = Math.ceil(size.readsPerSecond * ((openingAt - Date.now() + keptMs) / 1_000 + 60));
  const readers = arrive(
    { perSecond: size.readsPerSecond, count, random, signal: stop },
    (index, intendedAt) => {
      const path = index % 2 === 0 ? paths.event(slug) : paths.waitingRoom(slug);
      return ask(door, recorder, {
        kind: index % 2 === 0 ? 'event page' : 'room page',
        path,
        intendedAt,
      });
    },
  );
  const ports = gateways.map(({ url }) => Number(new URL(url).port));
  const crowd = new Crowd(users, ports, {
    event: slug,
    secret: fleet.secret,
    perSecond: joinsPerSecond,
  });
  try {
    recorder.enter('storm');
    const storm = performance.now();
    const joined = await progress.step(`${users} users connect`, () => crowd.join(signal));
    const stormSeconds = (performance.now() - storm) / 1_000;
    recorder.enter('lobby');
    await pause(2_000, stage.signal);
    const perUserBytes = (memory() - baseBytes) / Math.max(1, joined.connected);
    while (Date.now() < openingAt && !signal.aborted) {
      stage.progress.live(
        `waiting for the opening in ${Math.ceil((openingAt - Date.now()) / 1_000)} s`,
      );
      await pause(1_000, stage.signal);
    }
    recorder.enter('opening');
    recorder.mark('the sale opens');
    for (let wait = 0; wait < 120 && !signal.aborted; wait += 1) {
      await pause(500, stage.signal);
      if ((await crowd.report()).toldOpen >= joined.connected) break;
    }
    recorder.enter('after');
    await pause(keptMs / 2, signal);
    const end = await crowd.report();
    over.abort();
    await readers;
    const api = recorder.total((phase) => phase !== 'before');
    const spreadMs = end.lastOpenAt - end.firstOpenAt;
    const told = end.toldOpen > 0;
    const story = '150,000 concurrent users';
    return resultOf(
      'crowd',
      stage,
      [
        claim('crowd', 'users connected', story, joined.connected, { exactly: users }),
        claim('crowd', 'users lost', story, end.lost, { exactly: 0 }),
        claim('crowd', 'told of the opening', story, end.toldOpen, { exactly: users }),
        claim('crowd', 'told the same twice', story, end.toldTwice, { exactly: 0 }),
        claim(
          'crowd',
          'last one told, after the first',
          story,
          told ? spreadMs / 1_000 : undefined,
          { atMost: 2 },
          's',
        ),
        claim(
          'crowd',
          'last one told, after the opening',
          story,
          told ? (end.lastOpenAt - openingAt) / 1_000 : undefined,
          { atMost: 5 },
          's',
        ),
        claim(
          'crowd',
          'server memory a user above the base',
          story,
          perUserBytes / 1_024,
          { atMost: 6.5 },
          'KiB',
        ),
        claim('crowd', 'API answers meanwhile, p99', story, api.p99Ms, { atMost: 200 }, 'ms'),
        claim('crowd', 'wrong answers', story, api.counts.wrong, { exactly: 0 }),
      ],
      [
        `${users} users at ${gateways.length} gateways of ${Math.round(baseBytes / gateways.length / 2 ** 20)} MiB; ${Math.round(joined.connected / stormSeconds)} connections/s; ${end.messages} messages, ${end.pings} heartbeats`,
      ],
    );
  } finally {
    over.abort();
    await crowd.end();
  }
}
