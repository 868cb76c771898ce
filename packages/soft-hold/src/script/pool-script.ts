import { CLOSE } from './close.ts';
import { HOLDS } from './holds.ts';
import { PRELUDE } from './prelude.ts';
import { RECORDS } from './records.ts';
import { SALES } from './sales.ts';
import { SEATS } from './seats.ts';
import { STOCK } from './stock.ts';
import { VIEWS } from './views.ts';
import { WAITING } from './waiting.ts';

/**
 * The one script that changes a pool. It takes a batch of requests and decides each by itself.
 *
 * KEYS  m c h x k g u o l q w r (see keys.ts)
 * ARGV  1 epoch the caller believes in
 *       2 highest seq the caller has seen in that epoch
 *       3 clock in ms, or '' for the server's
 *       4 JSON [ttl, grace, maxHold, commit, replay, limit, sweep, offer, places]
 *       5 JSON [request, ...]
 * Reply JSON ["ok", seq, now, more, promoted, result, ...], `more` is 1 when further holds are due,
 *            `promoted` lists the waiters who got their offer: [id, token, created, expires, holder, items, want];
 *            a number instead of a result says which earlier one it equals, counted from 0
 *       or   ["lost", epoch, seq] when the data is missing, of another epoch or has gone back
 *
 * | request | results |
 * |---|---|
 * | hold id holder items flags | held token created expires replayed holder items want, queued position, sold_out sku free retryAt, seat_taken sku seats, limit max has, conflict, closed, ended state, unknown sku |
 * | extend id token ms | held ..., state s |
 * | replace id token items | as hold, state s |
 * | release id token | state s, with the token when this released it |
 * | begin id token | committing holder items want, state s |
 * | finish id s, v or b | ok, with the token when this finished it, wrong state |
 * | unsell id holder items want | returning, state s |
 * | get id | record s token created expires holder items position, none |
 * | look seats | counts {sku, packed...} owners {field, owner...} waiting {sku, waiters...} |
 * | work | due ms, stuck {id...} |
 * | dump | counts, owners, users, open {id, record...}, waiting {id, record...} |
 * | total sku units | ok, too_low held-and-sold, unknown sku |
 * | pause 0 or 1 | ok |
 *
 * Flags of a hold: p takes what there is of each line, q joins the waiting list when sold out.
 *
 * States: q waiting, p pending, c committing, s confirmed, d being returned, b returned, r released,
 * e expired, v void, t tombstone (released before it was held), - unknown, ~ known with another token.
 * Cost: O(requests + swept), O(log holds) for each that changes, O(rows looked at) for each that wants
 * the best seats; look and dump are O(size).
 */
export const POOL_SCRIPT = [
  PRELUDE,
  RECORDS,
  SEATS,
  STOCK,
  WAITING,
  HOLDS,
  SALES,
  VIEWS,
  CLOSE,
].join('');
