/** How large each scenario is, by `--users` and `--short`. */

import { partsOf } from '../crowd.ts';
import type { ProofOptions } from '../options.ts';
import type { Progress } from '../progress.ts';
import type { ScenarioResult } from '../result.ts';
import { Stage, type StageOptions } from '../stage.ts';
import { asyncScenario } from './async.ts';
import { cacheScenario } from './cache.ts';
import { capacityScenario } from './capacity.ts';
import { chaosScenario } from './chaos.ts';
import { crowdScenario } from './crowd.ts';
import { loginsScenario } from './logins.ts';
import type { ScenarioName } from './names.ts';
import { saleScenario } from './sale.ts';

export type RunOptions = ProofOptions & { progress: Progress; signal: AbortSignal };

export const scenarios: Record<ScenarioName, (options: RunOptions) => Promise<ScenarioResult>> = {
  sale: (options) => {
    const buyers = Math.max(1, Math.ceil(options.users / 3));
    const tickets = Math.max(1, Math.min(1_000, Math.floor(buyers / 5)));
    const joinsPerSecond = options.short ? 200 : 833;
    const size = { buyers, tickets, joinsPerSecond, admitPerSecond: options.short ? 20 : 40 };
    return onStage(options, { env: { PSP_LATENCY_MS: '2000' } }, (stage) =>
      saleScenario(stage, size),
    );
  },
  chaos: (options) =>
    onStage(options, { env: { PAYMENT_TIMEOUT_MS: '6000', PAYMENT_SLOW_MS: '2000' } }, (stage) =>
      chaosScenario(stage, {
        only: options.faults,
        readsPerSecond: 40,
        buyersPerSecond: 5,
        faultMs: options.short ? 3_000 : 20_000,
        calmMs: options.short ? 2_000 : 10_000,
      }),
    ),
  crowd: (options) => {
    const more = { fronts: 1, workers: 1, sockets: partsOf(options.users) };
    const { users, short } = options;
    const size = {
      users,
      joinsPerSecond: 2_500,
      slackMs: 20_000,
      keptMs: short ? 10_000 : 180_000,
      readsPerSecond: 50,
    };
    return onStage(options, more, (stage) => crowdScenario(stage, size));
  },
  logins: (options) => {
    const forMs = options.short ? 60_000 : 600_000;
    const size = { accounts: 50_000, perSecond: 833, forMs, validationsPerSecond: 50 };
    return onStage(options, { fronts: 2, workers: 1 }, (stage) => loginsScenario(stage, size));
  },
  cache: (options) => {
    const size = { perSecond: 400, forMs: options.short ? 10_000 : 60_000, priceChanges: 4 };
    return onStage(options, { workers: 1 }, (stage) => cacheScenario(stage, size));
  },
  async: (options) => {
    const env = { PAYMENT_TIMEOUT_MS: '20000', PAYMENT_SLOW_MS: '15000' };
    const size = { orders: options.short ? 50 : 300, perSecond: 10 };
    return onStage(options, { fronts: 2, env }, (stage) => asyncScenario(stage, size));
  },
  capacity: (options) => {
    const size = { calls: options.short ? 500 : 3_000, perSecond: 50 };
    const more = { fronts: 1, workers: 1, env: { PSP_LATENCY_MS: '100' } };
    return onStage(options, more, (stage) => capacityScenario(stage, size));
  },
};

/** Whatever happens, what was started is stopped at the end. */
async function onStage(
  { progress, seed, signal, verbose }: RunOptions,
  more: Partial<StageOptions>,
  work: (stage: Stage) => Promise<ScenarioResult>,
): Promise<ScenarioResult> {
  const stage = await Stage.start({ progress, seed, signal, verbose, ...more });
  try {
    return await work(stage);
  } finally {
    await progress.step('stopped', () => stage.stop());
  }
}
