/**
 * Everybody logs in at once: more than 833 a second for ten minutes, 500,000 in all, while others use the tokens they have. A token
 * is checked without asking anybody, which PostgreSQL's own counters show.
 */
import { paths } from '../../addresses.ts';
import { atLeast, claims, exactly } from '../claims.ts';
import { pause } from '../pause.ts';
import { logInOf } from '../people.ts';
import { resultOf, type ScenarioResult } from '../result.ts';
import { ask } from '../shopper.ts';
import type { RunOptions, Stage } from '../stage.ts';
import { warmUp } from '../warm-up.ts';

const accounts = 50_000;
const claimed = 833;
/** a little more than is claimed: who comes at random may come a few seconds late in ten minutes */
const perSecond = 845;
const validationsPerSecond = 50;

export async function loginsScenario(stage: Stage, { short }: RunOptions): Promise<ScenarioResult> {
  const { door, recorder, people, signal, progress } = stage;
  const ids = await people.add(accounts);
  const tokens = await Promise.all(ids.slice(0, 1_000).map((id) => people.token(id)));
  /** A call that needs a token and is refused for its empty body: the check of the token and nothing else. */
  const validate = (index: number, intendedAt: number) =>
    ask(door, recorder, {
      kind: 'validation',
      method: 'POST',
      path: paths.holds,
      token: tokens[index % tokens.length],
      body: {},
      refusals: ['invalid_input'],
      intendedAt,
    });

  await warmUp(stage);
  recorder.enter('validation alone');
  // a connection that has gone idle tells what it counted after ten seconds at the latest
  await pause(12_000, signal);
  const before = await readsOfUsers(stage);
  const validations = validationsPerSecond * 5;
  await stage.arrive(validationsPerSecond, validations, validate);
  await pause(12_000, signal);
  const reads = (await readsOfUsers(stage)) - before;

  recorder.enter('burst');
  const seconds = short ? 60 : 600;
  const logins = Math.round(perSecond * seconds);
  const begin = performance.now();
  const logIn = (index: number, intendedAt: number) =>
    ask(door, recorder, {
      kind: 'log in',
      method: 'POST',
      path: paths.session,
      body: logInOf(ids[index % ids.length] as string),
      intendedAt,
    });
  await progress.step(`${logins} log-ins`, () =>
    Promise.all([
      stage.arrive(perSecond, logins, logIn),
      stage.arrive(validationsPerSecond, validationsPerSecond * seconds, validate),
    ]),
  );
  const took = (performance.now() - begin) / 1_000;
  const done = recorder.total((phase, kind) => phase === 'burst' && kind === 'log in');
  const checked = recorder.total((_phase, kind) => kind === 'validation');
  const { refused, wrong, later } = checked.counts;
  const share = (some: number, all: number) => (some / all) * 100;
  const nearlyAll = [atLeast(99.99), '%'] as const;
  const untouched = 'no database on validation';
  const story = '500,000 log-ins in 10 minutes';
  return resultOf(
    'logins',
    stage,
    claims('logins', story, [
      ['log-ins a second', done.counts.ok / took, atLeast(claimed)],
      ['log-ins that succeeded', share(done.counts.ok, logins), ...nearlyAll, '60 % -> 99.7 %'],
      ['tokens that were checked rightly', share(refused, refused + wrong + later), ...nearlyAll],
      [`reads of accounts for ${validations} validations`, reads, exactly(0), '', untouched],
    ]),
    [`log-in p50 ${done.p50Ms} ms, p99 ${done.p99Ms} ms; validation p99 ${checked.p99Ms} ms`],
  );
}

async function readsOfUsers({ database }: Stage): Promise<number> {
  const { rows } = await database.query<{ reads: string }>(
    `select seq_scan + coalesce(idx_scan, 0) as reads from pg_stat_user_tables where relname = 'users'`,
  );
  return Number(rows[0]?.reads ?? Number.NaN);
}
