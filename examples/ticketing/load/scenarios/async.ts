/**
 * Orders while the payment provider takes eight seconds for a charge: what a buyer waits for an answer,
 * beside what the same work takes, which is what he would wait for if it were done in the request.
 */
import { randomUUID } from 'node:crypto';
import { paths, testCards } from '../../addresses.ts';
import type { Order } from '../../contract.ts';
import { claim } from '../claims.ts';
import { putFaults } from '../faults.ts';
import { arrive } from '../open-model.ts';
import { pause } from '../pause.ts';
import { resultOf, type ScenarioResult } from '../result.ts';
import { Shopper } from '../shopper.ts';
import type { Stage } from '../stage.ts';
import { readBooks } from '../truth.ts';

const slug = 'proof-async';
const chargeMs = 8_000;
const settledWithinMs = 90_000;

export type AsyncSize = { orders: number; perSecond: number };

export async function asyncScenario(stage: Stage, size: AsyncSize): Promise<ScenarioResult> {
  const { door, recorder, people, signal, random, fleet, progress, database } = stage;
  const seats = await stage.putOnSale(slug, size.orders);
  await putFaults(fleet.pspUrl, { latencyMs: chargeMs });
  const ids = await people.add(size.orders);
  const holds: { shopper: Shopper; holdId: string }[] = [];
  recorder.enter('holds');
  await arrive(
    { perSecond: size.perSecond * 2, count: size.orders, random, signal },
    async (index) => {
      const shopper = new Shopper(door, recorder, await people.token(ids[index] as string));
      const held = await shopper.hold(slug, seats[index] as string);
      if (held && typeof held !== 'string') holds.push({ shopper, holdId: held.id });
    },
  );

  recorder.enter('orders');
  const cpuBefore = cpuOf(stage);
  const settledMs: number[] = [];
  await progress.step(`${holds.length} orders`, () =>
    arrive(
      { perSecond: size.perSecond, count: holds.length, random, signal },
      async (index, intendedAt) => {
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
      },
    ),
  );
  const cpuPerOrderMs = ((cpuOf(stage) - cpuBefore) / holds.length) * 1_000;
  const books = await readBooks(fleet, database, 30_000);
  const accepted = recorder.total((phase, kind) => phase === 'orders' && kind === 'order');
  settledMs.sort((a, b) => a - b);
  const median = settledMs[Math.floor(settledMs.length / 2)];
  const story = 'initiation separated from processing';
  return resultOf(
    'async',
    stage,
    [
      claim('async', 'order accepted, p99', story, accepted.p99Ms, { atMost: 50 }, 'ms'),
      claim(
        'async',
        'the same work, until it is done, p50',
        story,
        median && median / 1_000,
        { atLeast: chargeMs / 1_000 },
        's',
      ),
      claim('async', 'orders paid', story, books.paid, { exactly: size.orders }),
      claim('async', 'wrong answers', story, recorder.total().counts.wrong, { exactly: 0 }),
    ],
    [
      `accepted p50 ${accepted.p50Ms} ms; CPU of the shop for an order with its status reads: ${cpuPerOrderMs.toFixed(1)} ms`,
    ],
  );
}

/** CPU seconds of the fronts and workers so far. */
function cpuOf({ meter, recorder }: Stage): number {
  meter.sample(recorder.phase);
  return meter.figures
    .filter(({ process }) => process.startsWith('front') || process.startsWith('worker'))
    .reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}
