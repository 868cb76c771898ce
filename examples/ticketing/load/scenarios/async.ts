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
import { pause } from '../pause.ts';
import { usageOf } from '../proc.ts';
import { resultOf, type ScenarioResult } from '../result.ts';
import type { Shopper } from '../shopper.ts';
import type { RunOptions, Stage } from '../stage.ts';
import { readBooks } from '../truth.ts';
import { warmUp, warmUpPhase } from '../warm-up.ts';

const slug = 'proof-async';
const chargeMs = 8_000;
const settledWithinMs = 90_000;

const perSecond = 10;

export async function asyncScenario(stage: Stage, { short }: RunOptions): Promise<ScenarioResult> {
  const { recorder, signal, fleet, progress } = stage;
  const orders = short ? 50 : 300;
  const warm = await warmUp(stage);
  const seats = await stage.putOnSale(slug, orders);
  await putFaults(fleet.pspUrl, { latencyMs: chargeMs });
  const shoppers = await stage.shoppers(orders);
  const holds: { shopper: Shopper; holdId: string }[] = [];
  recorder.enter('holds');
  await stage.arrive(perSecond * 2, orders, async (index) => {
    const shopper = shoppers[index] as Shopper;
    const held = await shopper.hold(slug, seats[index] as string);
    if (held && typeof held !== 'string') holds.push({ shopper, holdId: held.id });
  });

  recorder.enter('orders');
  const cpuBefore = cpuOf(stage);
  const settledMs: number[] = [];
  await progress.step(`${holds.length} orders`, () =>
    stage.arrive(perSecond, holds.length, async (index, intendedAt) => {
      const { shopper, holdId } = holds[index] as (typeof holds)[number];
      const id = randomUUID();
      const body = { id, holdId, card: testCards.good };
      const call = { method: 'POST', path: paths.orders, body };
      const accepted = await shopper.ask({ kind: 'order', ...call, intendedAt });
      const until = performance.now() + settledWithinMs;
      while (accepted?.status === 202 && performance.now() < until && !signal.aborted) {
        await pause(500, signal);
        const answer = await shopper.ask({ kind: 'order status', path: paths.order(id) });
        if (answer?.status === 200 && (answer.body as Order).state === 'paid') {
          settledMs.push(performance.now() - intendedAt);
          return;
        }
      }
    }),
  );
  const cpuPerOrderMs = ((cpuOf(stage) - cpuBefore) / holds.length) * 1_000;
  const inline = await progress.step('the same inline', () => ordersInline(stage, orders));
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
      ['orders paid', books.paid - warm, exactly(2 * orders)],
      ['wrong answers', recorder.total((phase) => phase !== warmUpPhase).counts.wrong, exactly(0)],
    ]),
    [
      `as a job: accepted p50 ${accepted.p50Ms} ms, paid p50 ${settled.toFixed(1)} s, CPU an order with its status reads ${cpuPerOrderMs.toFixed(1)} ms`,
      `in the request: p50 ${(inline.p50Ms / 1_000).toFixed(1)} s, p99 ${(inline.p99Ms / 1_000).toFixed(1)} s, CPU an order ${inline.cpuPerOrderMs.toFixed(1)} ms`,
    ],
  );
}

/** As many orders at the same rate, each done in its request by a process that does nothing else. */
async function ordersInline(stage: Stage, orders: number) {
  const { recorder, signal, fleet, servers } = stage;
  const { namespace, pspUrl, mailUrl } = fleet;
  const [redisUrl, databaseUrl] = [servers.redis.url, servers.postgres.url];
  const settings: InlineSettings = { redisUrl, databaseUrl, namespace, pspUrl, mailUrl };
  const seats = await stage.putOnSale(`${slug}-inline`, orders);
  const shoppers = await stage.shoppers(orders);
  const script = new URL('../inline-orders.ts', import.meta.url).pathname;
  const execArgv = ['--conditions=@evenkeel/source', '--import', 'tsx'];
  const child = fork(script, [], { execArgv, detached: true });
  try {
    child.send(settings);
    const [port] = (await once(child, 'message', { signal })) as [number];
    const shop = new FrontDoor(() => [`http://127.0.0.1:${port}`], { timeoutMs: 60_000, signal });
    recorder.enter('orders in the request');
    const before = usageOf(child.pid as number)?.cpuSeconds ?? Number.NaN;
    const tookMs: number[] = [];
    await stage.arrive(perSecond, orders, async (index, intendedAt) => {
      const shopper = shoppers[index] as Shopper;
      const held = await shopper.hold(`${slug}-inline`, seats[index] as string);
      if (held === undefined || typeof held === 'string') return;
      const body = { holdId: held.id, userId: shopper.id };
      const answer = await shop.call({ method: 'POST', path: '/', body }).catch(() => undefined);
      if (answer?.status === 200) tookMs.push(performance.now() - intendedAt);
    });
    await shop.close();
    const cpuSeconds = (usageOf(child.pid as number)?.cpuSeconds ?? Number.NaN) - before;
    tookMs.sort((a, b) => a - b);
    const at = (part: number) => tookMs[Math.floor(part * (tookMs.length - 1))] ?? Number.NaN;
    return { p50Ms: at(0.5), p99Ms: at(0.99), cpuPerOrderMs: (cpuSeconds / orders) * 1_000 };
  } finally {
    child.disconnect();
  }
}

/** CPU seconds of the fronts and workers so far. */
function cpuOf({ meter, recorder }: Stage): number {
  meter.sample(recorder.phase);
  return meter.figures
    .filter(({ process }) => process.startsWith('front') || process.startsWith('worker'))
    .reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}
