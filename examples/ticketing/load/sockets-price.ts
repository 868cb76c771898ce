/** What a WebSocket costs the gateway: somebody comes, stays, and is told something. */
import { Crowd } from './crowd.ts';
import { pause, until } from './pause.ts';
import type { Shopper } from './shopper.ts';
import type { Price } from './sizing.ts';
import { idlingOf, perCall, spentOn } from './spending.ts';
import type { Stage } from './stage.ts';

const slug = 'proof-sockets';
const comePerSecond = 500;
const staySeconds = 20;
/** seats that are taken, of each of which everybody is told */
const taken = 40;
const takenPerSecond = 10;
/** the crowd says each second what it has heard */
const reportedAfterMs = 1_500;

export async function socketPrices(stage: Stage, users: number): Promise<Price[]> {
  const { signal, meter, fleet, progress } = stage;
  const comeMs = (users / comePerSecond) * 1_000;
  const openingAt = Date.now() + 2 * comeMs + staySeconds * 1_000 + 15_000;
  const opensAt = new Date(openingAt).toISOString();
  const room = { hasWaitingRoom: true, opensAt, admitPerSecond: taken };
  const seats = await stage.putOnSale(slug, 1_000, room);
  const visitors: { shopper: Shopper; pass: string }[] = [];
  const waiting = await Promise.all(
    (await stage.shoppers(taken)).map(async (shopper) => {
      const ticket = await shopper.join(slug);
      if (!ticket) throw new Error('nobody is let into the waiting room');
      return { shopper, ticket };
    }),
  );
  const idling = await idlingOf(stage, 'WebSocket');
  const ports = fleet.fronts.map(({ url }) => Number(new URL(url).port));
  const perSecond = comePerSecond;
  const crowd = new Crowd(users, ports, { event: slug, secret: fleet.secret, perSecond });
  meter.add(() => crowd.pids);
  try {
    await progress.step(`${users} people log in`, () => crowd.prepare(signal));
    const came = await progress.step(`${users} WebSockets`, () =>
      spentOn(stage, 'WebSocket: come', () => crowd.join(signal)),
    );
    const { connected } = crowd.report;
    if (connected < users) throw new Error(`only ${connected} of ${users} WebSockets were opened`);
    const stayed = await spentOn(stage, 'WebSocket: stay', () =>
      pause(staySeconds * 1_000, signal),
    );
    stage.recorder.enter('WebSocket: opening');
    const patience = { everyMs: 200, forMs: openingAt - Date.now() + 30_000, signal };
    await until(() => crowd.report.opening.count >= connected, patience);
    for (const { shopper, ticket } of waiting) {
      const pass = await shopper.enter(slug, ticket);
      if (pass) visitors.push({ shopper, pass });
    }
    // nobody is told of those any more
    await pause(reportedAfterMs, signal);
    const before = crowd.report.messages;
    const told = await spentOn(stage, 'WebSocket: told', async () => {
      await stage.arrive(takenPerSecond, visitors.length, (index, intendedAt) => {
        const { shopper, pass } = visitors[index] as (typeof visitors)[number];
        return shopper.hold(slug, seats[index] as string, { pass, intendedAt });
      });
      await pause(reportedAfterMs, signal);
    });
    const messages = crowd.report.messages - before;
    const stay = perCall(stayed, users * (stayed.tookMs / 1_000), idling);
    // while they are told they stay as well
    const staying = new Map([...stay].map(([name, ms]) => [name, (ms * users) / 1_000]));
    const price = (kind: string, storyPerSecond: number, cpuMs: Map<string, number>): Price => ({
      ...{ kind, service: 'gateway', storyPerSecond },
      // the crowd itself, and the few who take seats, are no part of it
      cpuMs: new Map([...cpuMs].filter(([name]) => name === 'gateway')),
    });
    const all = new Map([...idling].map(([name, ms]) => [name, ms + (staying.get(name) ?? 0)]));
    return [
      price('WebSocket opened', 2_500, perCall(came, users, idling)),
      price('WebSocket open for a second', 150_000, stay),
      price('message to a WebSocket', 300_000, perCall(told, messages, all)),
    ];
  } finally {
    await crowd.end();
  }
}
