/** What each scenario stands on, and how large it is, by `--users` and `--short`. */
import { availableParallelism } from 'node:os';
import { freePort } from '../../launcher/ports.ts';
import { findVarnish, startVarnish } from '../../launcher/varnish.ts';
import { partsOf } from '../crowd.ts';
import type { ScenarioResult } from '../result.ts';
import { type RunOptions, Stage, type StageOptions } from '../stage.ts';
import { asyncScenario } from './async.ts';
import { cacheScenario } from './cache.ts';
import { capacityScenario } from './capacity.ts';
import { chaosScenario } from './chaos.ts';
import { crowdScenario } from './crowd.ts';
import { loginsScenario } from './logins.ts';
import type { ScenarioName } from './names.ts';
import { saleScenario } from './sale.ts';
import { withoutScenario } from './without.ts';

export const scenarios: Record<ScenarioName, (options: RunOptions) => Promise<ScenarioResult>> = {
  sale: (options) =>
    onStage(options, { env: { PSP_LATENCY_MS: '2000' } }, (stage) => saleScenario(stage, options)),
  chaos: (options) =>
    onStage(options, { env: chaosEnv }, (stage) =>
      chaosScenario(stage, {
        only: options.faults,
        readsPerSecond: 40,
        buyersPerSecond: 5,
        watchers: 300,
        faultMs: options.short ? 3_000 : 10_000,
        calmMs: options.short ? 2_000 : 5_000,
        apart: true,
        ...(options.short ? {} : { together: { withinMs: 600_000, tracks: 1 } }),
      }),
    ),
  crowd: (options) => {
    const { users, short } = options;
    const sockets = partsOf(users);
    // they warm up at the same time: as long as each of them has half a core for three seconds
    const warmUpMs = 3_000 * Math.max(1, sockets / (2 * availableParallelism()));
    const env = { WARM_UP_MS: String(Math.round(warmUpMs)) };
    return onStage(options, { fronts: 1, workers: 1, sockets, env }, (stage) =>
      crowdScenario(stage, {
        users,
        // two cores take 1,550 in a second and then do nothing else; here they also answer calls
        joinsPerSecond: 900,
        slackMs: 20_000,
        keptMs: short ? 10_000 : 180_000,
        readsPerSecond: 100,
      }),
    );
  },
  logins: (options) =>
    onStage(options, { fronts: 2, workers: 1 }, (stage) => loginsScenario(stage, options)),
  cache: async (options) => {
    const varnish = await findVarnish();
    const edgePort = await freePort();
    const edgeUrl = varnish ? `http://127.0.0.1:${edgePort}` : undefined;
    const env = edgeUrl ? { EDGE_URLS: edgeUrl } : {};
    return onStage(options, { workers: 1, env }, async (stage) => {
      const ports = stage.fleet.fronts.map(({ url }) => Number(new URL(url).port));
      const edge = varnish ? await startVarnish(varnish, edgePort, ports) : undefined;
      try {
        return await cacheScenario(stage, options, edge);
      } finally {
        await edge?.stop();
      }
    });
  },
  async: (options) =>
    onStage(
      options,
      { fronts: 2, env: { PAYMENT_TIMEOUT_MS: '20000', PAYMENT_SLOW_MS: '15000' } },
      (stage) => asyncScenario(stage, options),
    ),
  without: (options) =>
    onStage(options, { fronts: 2, workers: 1, env: withoutEnv }, withoutScenario),
  capacity: (options) => {
    const env = { PSP_LATENCY_MS: '100', HOLD_TTL_MS: '600000' };
    return onStage(options, { apart: true, env }, (stage) => capacityScenario(stage, options));
  },
};

/** A refusal is clean within 200 ms: Redis is given half of that. */
const chaosEnv = {
  PAYMENT_TIMEOUT_MS: '6000',
  PAYMENT_SLOW_MS: '2000',
  REDIS_SILENCE_MS: '100',
};

const withoutEnv = {
  PSP_LATENCY_MS: '200',
  PAYMENT_TIMEOUT_MS: '2000',
  PAYMENT_SLOW_MS: '1000',
  DRAIN_DELAY_MS: '1000',
};

/** Whatever happens, what was started is stopped at the end. */
async function onStage(
  options: RunOptions,
  more: StageOptions,
  work: (stage: Stage) => Promise<ScenarioResult>,
): Promise<ScenarioResult> {
  // as deploy/k8s has it
  const env = { WARM_UP_MS: '3000', ...more.env };
  const stage = await Stage.start(options, { ...more, env });
  try {
    return await work(stage);
  } finally {
    await options.progress.step('stopped', () => stage.stop());
  }
}
