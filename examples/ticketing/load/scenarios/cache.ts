/** The event page under load: who answers the reads, and how soon a new price is everywhere. */
import { paths } from '../../addresses.ts';
import type { EventPage } from '../../contract.ts';
import { claim } from '../claims.ts';
import { arrive } from '../open-model.ts';
import { pause } from '../pause.ts';
import { resultOf, type ScenarioResult } from '../result.ts';
import { scrape } from '../scrape.ts';
import { ask } from '../shopper.ts';
import type { Stage } from '../stage.ts';

const slug = 'proof-cache';
const reads = 'evenkeel_tiered_cache_reads_total';

export type CacheSize = { perSecond: number; forMs: number; priceChanges: number };

export async function cacheScenario(stage: Stage, size: CacheSize): Promise<ScenarioResult> {
  const { door, recorder, signal, random, fleet, progress } = stage;
  await stage.putOnSale(slug, 1_000);
  await door.call({ path: paths.event(slug) });
  const by = async (source?: string) => {
    const all = await Promise.all(fleet.fronts.map(({ url }) => scrape(url)));
    return all.reduce(
      (sum, read) => sum + (read?.(reads, source ? { source } : {}) ?? Number.NaN),
      0,
    );
  };
  const sources = ['local', 'joined', 'near', 'loader'];
  const before = await Promise.all([undefined, ...sources].map(by));
  recorder.enter('reads');
  const count = (size.perSecond * size.forMs) / 1_000;
  const changesMs: number[] = [];
  await progress.step(`${count} reads`, async () => {
    const reading = arrive(
      { perSecond: size.perSecond, count, random, signal },
      (_index, intendedAt) =>
        ask(door, recorder, { kind: 'event page', path: paths.event(slug), intendedAt }),
    );
    for (let n = 1; n <= size.priceChanges && !signal.aborted; n += 1) {
      await pause(size.forMs / (size.priceChanges + 1), signal);
      changesMs.push(await priceSeenAfter(stage, slug, 3_000 + n).catch(() => Number.NaN));
    }
    await reading;
  });
  const after = await Promise.all([undefined, ...sources].map(by));
  const [all = 0, ...each] = after.map((value, index) => value - (before[index] ?? 0));
  const share = (value = 0) => (value / all) * 100;
  const page = recorder.total((_phase, kind) => kind === 'event page');
  return resultOf(
    'cache',
    stage,
    [
      claim('cache', 'event page, p50', '5 s -> 50 ms', page.p50Ms, { atMost: 50 }, 'ms'),
      claim(
        'cache',
        'reads that reach the database',
        '80 % less origin load',
        share(each.at(-1)),
        { atMost: 20 },
        '%',
      ),
      claim(
        'cache',
        'a price change seen by every front, slowest',
        'a changed price is not stale',
        Math.max(...changesMs),
        { atMost: 2_500 },
        'ms',
      ),
      claim('cache', 'wrong answers', '5 s -> 50 ms', page.counts.wrong, { exactly: 0 }),
    ],
    [
      `p99 ${page.p99Ms} ms at ${size.perSecond}/s; ${sources.map((source, index) => `${source} ${share(each[index]).toFixed(2)} %`).join(', ')}`,
    ],
  );
}

/** Milliseconds from the change of a price until each front shows it. */
export async function priceSeenAfter(
  stage: Stage,
  slug: string,
  priceCents: number,
): Promise<number> {
  const { door, recorder, fleet, signal } = stage;
  const token = await stage.organiser();
  const path = paths.organiser.price(slug, 'all');
  const change = { kind: 'price change', method: 'PUT', path, token, body: { priceCents } };
  const changed = await ask(door, recorder, change);
  if (changed?.status !== 200) return Number.NaN;
  const begin = performance.now();
  await Promise.all(
    fleet.fronts.map(async ({ url }) => {
      for (let look = 0; look < 200 && !signal.aborted; look += 1) {
        const page = await fetch(url + paths.event(slug), {
          signal: AbortSignal.timeout(5_000),
        }).then(
          async (response) => (await response.json()) as EventPage,
          () => undefined,
        );
        if (page?.categories?.[0]?.priceCents === priceCents) return;
        await pause(50, signal);
      }
      throw new Error(`${url} shows an old price`);
    }),
  );
  return Math.round(performance.now() - begin);
}
