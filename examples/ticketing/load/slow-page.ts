/** Makes the page's own query slow, in the database and not in the shop: what a page costs whose data must be counted together. */
import type { Pool } from 'pg';

const trialRows = 200_000;

/**
 * From now on whoever reads the event `slug` waits about `ms` for PostgreSQL to count. Resolves with what takes
 * it back.
 */
export async function slowPage(
  database: Pool,
  slug: string,
  ms: number,
): Promise<() => Promise<void>> {
  const counting = (rows: number) =>
    `(select count(*) from generate_series(1, ${rows}) as n where md5(n::text || slug) > 'f')`;
  // twice: a long query runs at another speed than a short one
  let rows = trialRows;
  for (let round = 0; round < 2; round += 1) {
    const begin = performance.now();
    await database.query(`select ${counting(rows)} from events where slug = $1`, [slug]);
    rows = Math.ceil((rows * ms) / (performance.now() - begin));
  }
  await database.query(
    `begin;
     alter table events rename to events_quick;
     create view events as select * from events_quick where ${counting(rows)} >= 0;
     commit`,
  );
  return async () => {
    await database.query(
      'begin; drop view events; alter table events_quick rename to events; commit',
    );
  };
}
