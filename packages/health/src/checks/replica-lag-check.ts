import { setTimeout as wait } from 'node:timers/promises';
import type { CheckSource } from '../check.ts';
import { UnexpectedDataError } from '../errors.ts';
import { knownOptions } from '../known-options.ts';
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

interface Beat {
  readonly seq: number;
  /** When it was written, by the primary's clock, in ms. */
  readonly at: number;
}

/**
 * Writes a heartbeat on the primary and looks for it on the replica, over one connection of its own to each.
 *
 * The usual formula, `now() - pg_last_xact_replay_timestamp()`, grows on a quiet database that lags nothing, and its
 * usual repair (0 when everything received is replayed) is 0 while replication is cut. A row that one has written
 * oneself is there or it is not: beats are numbered, and only how late a missing one is depends on a clock, the
 * primary's. Should that be set back meanwhile, the lag is still at least the time for which this process has been
 * waiting for its beat.
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
  knownOptions(options, { maxLagMs: true, table: true });
  const maxLagMs = requireNumber('maxLagMs', options.maxLagMs ?? 5_000, ARRIVAL_MS);
  const table = requireText(
    'table',
    options.table ?? 'evenkeel_heartbeat',
    TABLE,
    'to be a lower-case name, with or without a schema',
  );
  const columns = 'seq::text, (extract(epoch from beat) * 1000)::float8 as at';
  const write = `insert into ${table} as h (id, seq, beat) values (1, 1, clock_timestamp())
    on conflict (id) do update set seq = h.seq + 1, beat = clock_timestamp() returning ${columns}`;
  const create = `create table if not exists ${table}
    (id int primary key check (id = 1), seq bigint not null, beat timestamptz not null)`;
  const look = `select ${columns} from ${table}`;
  /** The newest beat that the replica has, and since when (on our clock) it lacks one of ours after that. */
  let stuck: { readonly seq: number; readonly sinceMs: number } | undefined;

  const ask = async (on: OwnConnection, text: string, signal: AbortSignal) => {
    const [row] = await on.query<{ seq: string; at: number }>(text, [], signal);
    return row && ({ seq: Number(row.seq), at: row.at } satisfies Beat);
  };
  const beat = async (signal: AbortSignal): Promise<Beat> => {
    const written = await ask(writer, write, signal).catch(async (error) => {
      if (!isMissing(error)) throw error;
      // Another instance may be making it at this moment: what counts is whether the write goes through afterwards.
      await writer.query(create, [], signal).catch(() => undefined);
      return ask(writer, write, signal);
    });
    if (written === undefined) throw new UnexpectedDataError('postgres', 'no beat was written');
    return written;
  };
  const seen = async (signal: AbortSignal): Promise<Beat | undefined> => {
    return ask(reader, look, signal).catch((error) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
  };

  return {
    name: 'replica-lag',
    scope: 'shared',
    async check(signal) {
      const written = await beat(signal);
      const writtenAt = performance.now();
      let last = await seen(signal);
      while ((last?.seq ?? 0) < written.seq && performance.now() - writtenAt < ARRIVAL_MS) {
        await wait(POLL_MS, undefined, { signal });
        last = await seen(signal);
      }
      if (last === undefined) throw new Error('the replica has not seen any heartbeat');
      let lagMs = performance.now() - writtenAt;
      if (last.seq >= written.seq) stuck = undefined;
      else {
        if (stuck?.seq !== last.seq) stuck = { seq: last.seq, sinceMs: writtenAt };
        lagMs = Math.max(written.at - last.at, performance.now() - stuck.sinceMs);
      }
      lagMs = Math.round(lagMs);
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
