/**
 * Orders while the payment provider takes eight seconds for a charge: what a buyer waits for an answer when the work is
 * a job, and when it is done in the request (load/inline-orders.ts).
 */
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { paths, testCards } from '../../addresses.ts';
import type { Order } from '../../contract.ts';
import { atLeast, atMost, claims, exactly } from '../claims.ts';
import { putFaults } from '../faults.ts';
import { FrontDoor } from '../front-door.ts';
import type { InlineSettings } from '../inline-orders.ts';
import { paceOf } from '../pace.ts';
import { pause } from '../pause.ts';
import { resultOf, type ScenarioResult } from '../result.ts';
import type { Shopper } from '../shopper.ts';
import { idlingOf, perCall, spentOn } from '../spending.ts';
import type { RunOptions, Stage } from '../stage.ts';
import { readBooks } from '../truth.ts';
import { warmUp, warmUpPhase } from '../warm-up.ts';

const slug = 'proof-async';
const chargeMs = 8_000;
const settledWithinMs = 90_000;
/** after the last ticket: what is left to do for it is part of its price */
const mailedWithinMs = 2_000;

/** what is compared waits for its own work, not for a processor */
const rate = { busy: 0.4, most: 10 };
/** all is held before the first order, and a hold lasts two minutes */
const mostSeconds = 60;

export async function asyncScenario(stage: Stage, { short }: RunOptions): Promise<ScenarioResult> {
  const { recorder, signal, fleet, progress } = stage;
  const warm = await warmUp(stage);
  const { perSecond, sold } = await paceOf(stage, rate);
  const orders = short ? 50 : Math.min(300, mostSeconds * perSecond);
  const seats = await stage.putOnSale(slug, orders);
  await putFaults(fleet.pspUrl, { latencyMs: chargeMs });
  const shoppers = await stage.shoppers(orders);
  const holds = await heldBy(stage, slug, seats, shoppers, perSecond);
  const settledMs: number[] = [];
  const asJobs = await progress.step(`${holds.length} orders`, () =>
    pricedBy(stage, 'orders', orders, () =>
      stage.arrive(perSecond, holds.length, async (index, intendedAt) => {
        const { shopper, holdId } = holds[index] as Held;
        const id = randomUUID();
        const body = { id, holdId, card: testCards.good };
        const call = { method: 'POST', path: paths.orders, body };
        const accepted = await shopper.ask({ kind: 'order', ...call, intendedAt });
        const until = performance.now() + settledWithinMs;
        // a browser is told by its WebSocket, and asks only to be sure
        await pause(chargeMs, signal);
        while (accepted?.status === 202 && performance.now() < until && !signal.aborted) {
          const answer = await shopper.ask({ kind: 'order status', path: paths.order(id) });
          if (answer?.status === 200 && (answer.body as Order).state === 'paid') {
            settledMs.push(performance.now() - intendedAt);
            return;
          }
          await pause(500, signal);
        }
      }),
    ),
  );
  const inline = await progress.step('the same inline', () =>
    ordersInline(stage, orders, perSecond),
  );
  const books = await readBooks(stage, 30_000);
  const accepted = recorder.total((phase, kind) => phase === 'orders' && kind === 'order');
  settledMs.sort((a, b) => a - b);
  const settled = (settledMs[Math.floor(settledMs.length / 2)] ?? Number.NaN) / 1_000;
  const story = 'initiation separated from processing';
  return resultOf(
    'async',
    stage,
    claims('async', story, [
      ['order accepted, p99', accepted.p99Ms, atMost(50), 'ms'],
      ['the same done in the request, p50', inline.p50Ms / 1_000, atLeast(chargeMs / 1_000), 's'],
      ['orders paid', books.paid - warm - sold, exactly(2 * orders)],
      ['wrong answers', recorder.total((phase) => phase !== warmUpPhase).counts.wrong, exactly(0)],
    ]),
    [
      `as a job: accepted p50 ${accepted.p50Ms} ms, p99 ${accepted.p99Ms} ms, paid p50 ${settled.toFixed(1)} s`,
      `in the request: p50 ${(inline.p50Ms / 1_000).toFixed(1)} s, p99 ${(inline.p99Ms / 1_000).toFixed(1)} s`,
      `${orders} orders each at ${perSecond} a second; CPU an order from its hold on, less what idling takes: as a job ${cpuText(asJobs)}; in the request ${cpuText(inline.cpuMs)}`,
    ],
  );
}

type Held = { shopper: Shopper; holdId: string };

/** A seat for each of the shoppers. */
async function heldBy(
  stage: Stage,
  event: string,
  seats: string[],
  shoppers: Shopper[],
  perSecond: number,
) {
  const holds: Held[] = [];
  stage.recorder.enter('holds');
  await stage.arrive(perSecond * 2, shoppers.length, async (index, intendedAt) => {
    const shopper = shoppers[index] as Shopper;
    const held = await shopper.hold(event, seats[index] as string, { intendedAt });
    if (held && typeof held !== 'string') holds.push({ shopper, holdId: held.id });
  });
  return holds;
}

/** As many orders at the same rate, each done in its request by a process that does nothing else. */
async function ordersInline(stage: Stage, orders: number, perSecond: number) {
  const { signal, fleet, servers, meter } = stage;
  const { namespace, pspUrl, mailUrl } = fleet;
  const [redisUrl, databaseUrl] = [servers.redis.url, servers.postgres.url];
  const settings: InlineSettings = { redisUrl, databaseUrl, namespace, pspUrl, mailUrl };
  const event = `${slug}-inline`;
  const seats = await stage.putOnSale(event, orders);
  const holds = await heldBy(stage, event, seats, await stage.shoppers(orders), perSecond);
  const script = new URL('../inline-orders.ts', import.meta.url).pathname;
  const execArgv = ['--conditions=@evenkeel/source', '--import', 'tsx'];
  const child = fork(script, [], { execArgv, detached: true });
  meter.add(() => (child.exitCode === null ? [['inline', child.pid as number]] : []));
  try {
    child.send(settings);
    const [port] = (await once(child, 'message', { signal })) as [number];
    const shop = new FrontDoor(() => [`http://127.0.0.1:${port}`], { timeoutMs: 60_000, signal });
    const tookMs: number[] = [];
    const cpuMs = await pricedBy(stage, 'orders in the request', holds.length, () =>
      stage.arrive(perSecond, holds.length, async (index, intendedAt) => {
        const { shopper, holdId } = holds[index] as Held;
        const body = { holdId, userId: shopper.id };
        const answer = await shop.call({ method: 'POST', path: '/', body }).catch(() => undefined);
        if (answer?.status === 200) tookMs.push(performance.now() - intendedAt);
      }),
    );
    await shop.close();
    tookMs.sort((a, b) => a - b);
    const at = (part: number) => tookMs[Math.floor(part * (tookMs.length - 1))] ?? Number.NaN;
    return { p50Ms: at(0.5), p99Ms: at(0.99), cpuMs };
  } finally {
    child.disconnect();
  }
}

/** CPU of an order, by who works, less what idling takes. */
async function pricedBy(stage: Stage, phase: string, orders: number, work: () => Promise<void>) {
  const idling = await idlingOf(stage, phase);
  const spent = await spentOn(stage, phase, async () => {
    await work();
    await pause(mailedWithinMs, stage.signal);
  });
  return perCall(spent, orders, idling);
}

/** Of all that work for the shop, on both sides; driver and stand-ins are nobody's price. */
const counted = ['front', 'worker', 'inline', 'PostgreSQL', 'Redis', 'Kafka'];

/** `41.2 ms: front 3.4, worker 10.8, ...` */
function cpuText(cpuMs: ReadonlyMap<string, number>): string {
  const each = counted.map((name) => [name, cpuMs.get(name) ?? 0] as const);
  const sum = each.reduce((all, [, ms]) => all + ms, 0);
  const parts = each.filter(([, ms]) => Math.abs(ms) >= 0.05);
  return `${sum.toFixed(1)} ms: ${parts.map(([name, ms]) => `${name} ${ms.toFixed(1)}`).join(', ')}`;
}
