import { setTimeout as wait } from 'node:timers/promises';
import type { CheckSource } from '../check.ts';
import { requireNumber, requireText } from '../options.ts';
import { OwnConnection, type PgPoolSource } from './own-connection.ts';

/** How far a replica may be behind, and where the heartbeat is written. */
export interface ReplicaLagCheckOptions {
  /** The lag that fails the check, in ms; default 5,000. */
  readonly maxLagMs?: number;
  /** Table of the heartbeat, with its schema if need be; made if it is missing; default `evenkeel_heartbeat`. */
  readonly table?: string;
}

const TABLE = /^[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?$/;
/** For so long one waits for the beat just written, in ms: it may be on its way. */
const ARRIVAL_MS = 50;
const POLL_MS = 5;

/**
 * Writes a heartbeat on the primary and looks for it on the replica, over one connection of its own to each.
 *
 * The usual formula, `now() - pg_last_xact_replay_timestamp()`, grows on a quiet database that lags nothing, and its
 * usual repair (0 when everything received is replayed) is 0 while replication is cut. A row that one has written
 * oneself is there or it is not. Every time is of the primary's clock, so the clocks of the replica and of this process
 * do not matter; set back, the primary's beats still rise.
 *
 * One row for all instances, one update per run. Scope `shared`. Resolves with `{ lagMs }`: how long the beat took to
 * be seen, at most 50 ms late, or else the age of the newest beat on the replica, which is at most one interval of the
 * check more than the true lag.
 * @throws TypeError when a pool is not a `pg` pool, RangeError when an option is out of range.
 */
export function replicaLagCheck(
  primary: PgPoolSource,
  replica: PgPoolSource,
  options: ReplicaLagCheckOptions = {},
): CheckSource {
  const writer = new OwnConnection('primary', primary);
  const reader = new OwnConnection('replica', replica);
  const maxLagMs = requireNumber('maxLagMs', options.maxLagMs ?? 5_000, ARRIVAL_MS);
  const table = requireText(
    'table',
    options.table ?? 'evenkeel_heartbeat',
    TABLE,
    'to be a lower-case name, with or without a schema',
  );
  const epochUs = '(extract(epoch from beat) * 1000000)::bigint::text as us';
  const write = `insert into ${table} as h (id, beat) values (1, clock_timestamp())
    on conflict (id) do update set beat = greatest(clock_timestamp(), h.beat + interval '1 microsecond')
    returning ${epochUs}`;
  const create = `create table if not exists ${table} (id int primary key check (id = 1), beat timestamptz not null)`;
  const look = `select ${epochUs} from ${table}`;

  const beat = async (signal: AbortSignal) => {
    try {
      return await writer.query<{ us: string }>(write, [], signal);
    } catch (error) {
      if (!isMissing(error)) throw error;
      // Another instance may be making it at this moment: what counts is whether the write goes through afterwards.
      await writer.query(create, [], signal).catch(() => undefined);
      return writer.query<{ us: string }>(write, [], signal);
    }
  };
  const seen = async (signal: AbortSignal): Promise<number | undefined> => {
    const rows = await reader.query<{ us: string }>(look, [], signal).catch((error) => {
      if (isMissing(error)) return [];
      throw error;
    });
    return rows[0] === undefined ? undefined : Number(rows[0].us);
  };

  return {
    name: 'replica-lag',
    scope: 'shared',
    async check(signal) {
      const [row] = await beat(signal);
      const writtenAt = performance.now();
      const written = Number(row?.us);
      let last = await seen(signal);
      while (!(last !== undefined && last >= written)) {
        if (performance.now() - writtenAt >= ARRIVAL_MS) break;
        await wait(POLL_MS, undefined, { signal });
        last = await seen(signal);
      }
      if (last === undefined) throw new Error('the replica has not seen any heartbeat');
      const lagMs = Math.round(
        last >= written ? performance.now() - writtenAt : (written - last) / 1_000,
      );
      if (lagMs > maxLagMs) {
        throw new Error(`the replica is ${lagMs} ms behind, allowed ${maxLagMs}`);
      }
      return { lagMs };
    },
    async close() {
      await Promise.all([writer.close(), reader.close()]);
    },
  };
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown }).code === '42P01';
}
