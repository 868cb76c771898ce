/** How large each scenario is, by `--users` and `--short`. */

import { freePort } from '../../launcher/ports.ts';
import { findVarnish, startVarnish } from '../../launcher/varnish.ts';
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
import { withoutScenario } from './without.ts';

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
    onStage(options, { env: chaosEnv }, (stage) =>
      chaosScenario(stage, {
        only: options.faults,
        readsPerSecond: 40,
        buyersPerSecond: 5,
        faultMs: options.short ? 3_000 : 10_000,
        calmMs: options.short ? 2_000 : 5_000,
        apart: true,
        ...(options.short ? {} : { together: { withinMs: 600_000, tracks: 1 } }),
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
    // a little more than is claimed: who comes at random may come a few seconds late in ten minutes
    const size = { accounts: 50_000, perSecond: 845, forMs, validationsPerSecond: 50 };
    return onStage(options, { fronts: 2, workers: 1 }, (stage) => loginsScenario(stage, size));
  },
  cache: async (options) => {
    const varnish = await findVarnish();
    const edgePort = await freePort();
    const edgeUrl = varnish ? `http://127.0.0.1:${edgePort}` : undefined;
    const forMs = options.short ? 10_000 : 60_000;
    const size = { perSecond: 200, forMs, priceChanges: 4, edgeUrl };
    const env = edgeUrl ? { EDGE_URLS: edgeUrl } : {};
    return onStage(options, { workers: 1, env }, async (stage) => {
      const ports = stage.fleet.fronts.map(({ url }) => Number(new URL(url).port));
      const edge = varnish ? await startVarnish(varnish, edgePort, ports) : undefined;
      try {
        return await cacheScenario(stage, size);
      } finally {
        await edge?.stop();
      }
    });
  },
  async: (options) => {
    const env = { PAYMENT_TIMEOUT_MS: '20000', PAYMENT_SLOW_MS: '15000' };
    const size = { orders: options.short ? 50 : 300, perSecond: 10 };
    return onStage(options, { fronts: 2, env }, (stage) => asyncScenario(stage, size));
  },
  without: (options) => {
    const env = {
      PSP_LATENCY_MS: '200',
      PAYMENT_TIMEOUT_MS: '2000',
      PAYMENT_SLOW_MS: '1000',
      DRAIN_DELAY_MS: '1000',
    };
    const size = {
      orders: 60,
      ordersPerSecond: 3,
      tickets: 100,
      reads: 1_000,
      readsPerSecond: 100,
    };
    return onStage(options, { fronts: 2, workers: 1, env }, (stage) =>
      withoutScenario(stage, size),
    );
  },
  capacity: (options) => {
    const size = { calls: options.short ? 500 : 3_000, perSecond: 50 };
    const more = { fronts: 1, workers: 1, env: { PSP_LATENCY_MS: '100', HOLD_TTL_MS: '600000' } };
    return onStage(options, more, (stage) => capacityScenario(stage, size));
  },
};

/** A refusal is clean within 200 ms: Redis is given half of that. */
const chaosEnv = {
  PAYMENT_TIMEOUT_MS: '6000',
  PAYMENT_SLOW_MS: '2000',
  REDIS_SILENCE_MS: '100',
};

/** Whatever happens, what was started is stopped at the end. */
async function onStage(
  { progress, seed, signal, verbose }: RunOptions,
  more: Partial<StageOptions>,
  work: (stage: Stage) => Promise<ScenarioResult>,
): Promise<ScenarioResult> {
  // as deploy/k8s has it
  const env = { WARM_UP_MS: '3000', ...more.env };
  const stage = await Stage.start({ progress, seed, signal, verbose, ...more, env });
  try {
    return await work(stage);
  } finally {
    await progress.step('stopped', () => stage.stop());
  }
}
