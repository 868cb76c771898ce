/**
 * The event page whose query takes five seconds, asked each time and through the tiers; then under load, behind
 * the edge: who answers, and how soon a new price is everywhere.
 */
import { paths } from '../../addresses.ts';
import type { EventPage } from '../../contract.ts';
import { atLeast, atMost, claims, exactly } from '../claims.ts';
import { FrontDoor } from '../front-door.ts';
import { pause, until } from '../pause.ts';
import { resultOf, type ScenarioResult } from '../result.ts';
import { scrape } from '../scrape.ts';
import { ask } from '../shopper.ts';
import { slowPage } from '../slow-page.ts';
import type { RunOptions, Stage } from '../stage.ts';

const slug = 'proof-cache';
const reads = 'evenkeel_tiered_cache_reads_total';
const sources = ['local', 'joined', 'near', 'loader'];
const naiveReads = 3;

const perSecond = 200;
const priceChanges = 4;

type Edge = { name: string; version: string; url: string };

/** `edge`: the HTTP cache in front, where there is one */
export async function cacheScenario(
  stage: Stage,
  { short }: RunOptions,
  edge: Edge | undefined,
): Promise<ScenarioResult> {
  const { recorder, signal, progress, fleet, samples, meter } = stage;
  await stage.putOnSale(slug, 1_000);
  const slow = await progress.step('a query of five seconds', () => withSlowQuery(stage));

  const forMs = short ? 10_000 : 60_000;
  const edgeDoor = edge ? new FrontDoor(() => [edge.url], { signal }) : undefined;
  const before = await readsBySource(stage);
  recorder.enter('reads');
  const count = (perSecond * forMs) / 1_000;
  const shops = [...fleet.fronts.map(({ url }) => url), ...(edge ? [edge.url] : [])];
  const changesMs: number[] = [];
  const atEdge = { all: 0, missed: 0 };
  await progress.step(`${count} reads`, async () => {
    const reading = readPages(stage, 'event page', count);
    const atTheEdge = edgeDoor && readPages(stage, 'at the edge', count, edgeDoor, atEdge);
    for (let n = 1; n <= priceChanges && !signal.aborted; n += 1) {
      await pause(forMs / (priceChanges + 1), signal);
      changesMs.push(await priceSeenAfter(stage, slug, 3_000 + n, shops).catch(() => Number.NaN));
    }
    await Promise.all([reading, atTheEdge]);
  });
  await edgeDoor?.close();
  const after = await readsBySource(stage);
  const [all = 0, ...each] = after.map((value, index) => value - (before[index] ?? 0));
  const share = (value = 0) => (value / all) * 100;
  const page = recorder.total((phase, kind) => phase === 'reads' && kind === 'event page');
  const edged = recorder.total((_phase, kind) => kind === 'at the edge');
  const missed = edge ? (atEdge.missed / atEdge.all) * 100 : undefined;
  const slowest = Math.max(...changesMs);
  const [story, less] = ['5 s -> 50 ms', '80 % less origin load'];
  const fresh = 'a changed price is not stale';
  const versions = [...stage.servers.versions, ...(edge ? [`${edge.name} ${edge.version}`] : [])];
  return resultOf(
    'cache',
    { recorder, samples, meter, servers: { versions } },
    claims('cache', story, [
      ['event page by a naive query, p50', slow.naiveMs / 1_000, atLeast(4), 's'],
      ['the same through the tiers, p50', slow.tieredMs, atMost(50), 'ms'],
      ['event page under load, p50', page.p50Ms, atMost(50), 'ms'],
      ['reads that reach the database', share(each.at(-1)), atMost(20), '%', less],
      ['reads at the edge that reach the shop', missed, atMost(20), '%', less],
      [
        'a price change seen by every front and the edge, slowest',
        slowest,
        atMost(2_500),
        'ms',
        fresh,
      ],
      ['wrong answers', recorder.total().counts.wrong, exactly(0)],
    ]),
    [
      `at ${perSecond}/s: p99 ${page.p99Ms} ms; ${sources.map((source, index) => `${source} ${share(each[index]).toFixed(2)} %`).join(', ')}`,
      edge
        ? `at the edge, at the same rate besides: p50 ${edged.p50Ms} ms, p99 ${edged.p99Ms} ms`
        : 'Varnish is not installed here: nothing is known of the edge',
      `through the tiers while the query takes ${(slow.naiveMs / 1_000).toFixed(1)} s: p99 ${slow.tieredP99Ms} ms`,
    ],
  );
}

/** The page with its query slowed to five seconds: each reader asks the database, then the tiers do. */
async function withSlowQuery(stage: Stage) {
  const { recorder, fleet, signal, door, database } = stage;
  const cached = async (isOn: boolean) => {
    for (const { process } of fleet.fronts) process.tell('cache', isOn);
    await pause(500, signal);
  };
  const restore = await slowPage(database, slug, 5_000);
  try {
    await cached(false);
    recorder.enter('naive');
    for (let n = 0; n < naiveReads && !signal.aborted; n += 1) {
      const begin = performance.now();
      const answer = await door.call({ path: paths.event(slug) }).catch(() => undefined);
      const outcome = answer?.status === 200 ? 'ok' : 'wrong';
      const ms = performance.now() - begin;
      recorder.add('naive', 'naive page', outcome, ms, `${answer?.status}`);
    }
    await cached(true);
    recorder.enter('tiers, slow query');
    await readPages(stage, 'event page', perSecond * 5);
  } finally {
    await restore();
    await cached(true);
  }
  const naive = recorder.total((phase) => phase === 'naive');
  const tiered = recorder.total((phase) => phase === 'tiers, slow query');
  return { naiveMs: naive.p50Ms, tieredMs: tiered.p50Ms, tieredP99Ms: tiered.p99Ms };
}

function readPages(
  stage: Stage,
  kind: string,
  count: number,
  from = stage.door,
  seen = { all: 0, missed: 0 },
): Promise<void> {
  return stage.arrive(perSecond, count, async (_index, intendedAt) => {
    const answer = await ask(from, stage.recorder, { kind, path: paths.event(slug), intendedAt });
    seen.all += 1;
    if (answer?.headers['x-cache'] !== 'hit') seen.missed += 1;
  });
}

/** All reads of the caches, and those of each source. */
function readsBySource({ fleet }: Stage): Promise<number[]> {
  return Promise.all(
    [undefined, ...sources].map(async (source) => {
      const all = await Promise.all(fleet.fronts.map(({ url }) => scrape(url)));
      const labels = source ? { source } : {};
      return all.reduce((sum, read) => sum + (read?.(reads, labels) ?? Number.NaN), 0);
    }),
  );
}

/** Milliseconds from the change of a price until each of `shops`, by default all fronts, shows it. */
export async function priceSeenAfter(
  stage: Stage,
  slug: string,
  priceCents: number,
  shops = stage.fleet.fronts.map(({ url }) => url),
): Promise<number> {
  const { door, recorder, signal } = stage;
  const token = await stage.organiser();
  const path = paths.organiser.price(slug, 'all');
  const change = { kind: 'price change', method: 'PUT', path, token, body: { priceCents } };
  const changed = await ask(door, recorder, change);
  if (changed?.status !== 200) return Number.NaN;
  const begin = performance.now();
  await Promise.all(
    shops.map(async (url) => {
      const isShown = async () => {
        const answer = await fetch(url + paths.event(slug), { signal: AbortSignal.timeout(5_000) });
        const page = (await answer.json()) as EventPage;
        return page.categories?.[0]?.priceCents === priceCents;
      };
      const looking = { everyMs: 50, forMs: 10_000, signal };
      if (await until(() => isShown().catch(() => false), looking)) return;
      throw new Error(`${url} shows an old price`);
    }),
  );
  return Math.round(performance.now() - begin);
}
