import pg from 'pg';
import type { NativeServer } from '../../../test/backends.ts';
import { until } from './support.ts';

/** The first row of the answer, over a connection for this question. */
export async function one<T>(url: string, query: string): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const result = await client.query(query);
    return (result.rows?.[0] ?? {}) as T; // of several statements, nobody asks for the rows
  } finally {
    await client.end();
  }
}

/** Holds every commit back on a replica, by as long as it says. */
export async function delay(replica: NativeServer, ms: number): Promise<void> {
  await one(replica.url, `alter system set recovery_min_apply_delay = '${ms}ms'`);
  await one(replica.url, 'select pg_reload_conf()');
  await until(async () => {
    const { set } = await one<{ set: string }>(
      replica.url,
      "select setting as set from pg_settings where name = 'recovery_min_apply_delay'",
    );
    return set === String(ms);
  });
}

/** Waits until the replicas have replayed all that the primary has. */
export async function caughtUp(primary: NativeServer, ...replicas: NativeServer[]): Promise<void> {
  const { lsn } = await one<{ lsn: string }>(primary.url, 'select pg_current_wal_lsn() as lsn');
  for (const replica of replicas) {
    const query = `select pg_last_wal_replay_lsn() >= '${lsn}' as ok`;
    await until(async () => (await one<{ ok: boolean }>(replica.url, query)).ok, 20_000);
  }
}

let nextVisitor = 1;

/** Visitors take a seat and look at it at once, ten at a time; gives how many did not see their own. */
export async function stale(
  visitors: number,
  visit: (seat: number, visitor: number) => Promise<unknown>,
): Promise<number> {
  let count = 0;
  let left = visitors;
  const line = async (seat: number) => {
    while (left-- > 0) {
      const visitor = nextVisitor++;
      if ((await visit(seat, visitor)) !== visitor) count++;
    }
  };
  await Promise.all(Array.from({ length: 10 }, (_, seat) => line(seat)));
  return count;
}
