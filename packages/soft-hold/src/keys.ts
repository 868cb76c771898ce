/**
 * Every key of a pool, in the order in which the scripts take them. All carry the hash tag
 * `{hold:<pool>}`, so that a pool sits in one slot of a Redis Cluster and one script reaches it all.
 *
 * | key | type | content |
 * |---|---|---|
 * | `:m` | hash | `epoch`, `seq`, `n` (grants), `now` (floor of the clock), `paused` |
 * | `:c` | hash | SKU -> `free held sold total` |
 * | `:h` | hash | hold id -> `state token createdAt expiresAt holder items` |
 * | `:x` | zset | pending holds by `expiresAt` |
 * | `:k` | zset | committing holds by commit deadline |
 * | `:g` | zset | ended holds by the time they are forgotten |
 * | `:u` | hash | holder -> units held and sold |
 * | `:o` | hash | `SKU/seat` -> `h` or `s` and the hold id |
 * | `:l` | stream | the last steps by id `epoch-seq`: counts after it, holds that ran out, seats |
 * | `:q` | zset | waiting list: hold ids in the order in which they came |
 * | `:w` | hash | SKU -> how many wait for it |
 * | `:r` | hash | seats that lie in rows: what is free in each row, and where each seat lies |
 */
export function keysOf(pool: string): string[] {
  return [...'mchxkguolqwr'].map((key) => `{hold:${pool}}:${key}`);
}

/** Where the stream stands in the list of `keysOf`. */
export const FEED_KEY = 8;

const EPOCH = 2 ** 32;

/** Epoch and position in one number: later is greater, across epochs too. Exact below epoch 2^21. */
export function joinSeq(epoch: number, seq: number): number {
  return epoch * EPOCH + seq;
}

/** The stream id, `epoch-seq`, of a joined number. */
export function streamId(seq: number): string {
  return `${Math.floor(seq / EPOCH)}-${seq % EPOCH}`;
}

/** The epoch in which a hold was granted. */
export function epochOf(token: string): number {
  return Math.floor(Number(token) / EPOCH);
}
