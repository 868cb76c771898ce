/**
 * The partition of a key: murmur2 as in Kafka's Java client, so that every producer of a topic,
 * in whatever language, sends a key to the same partition. O(length of the key).
 *
 * @see https://github.com/apache/kafka/blob/4.0.0/clients/src/main/java/org/apache/kafka/common/utils/Utils.java
 */
export function partitionOf(key: string | Uint8Array, partitions: number): number {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key;
  return (murmur2(bytes) & 0x7fffffff) % partitions;
}

/** 32-bit murmur2 with Kafka's seed, as a signed integer. */
export function murmur2(bytes: Uint8Array): number {
  const m = 0x5bd1e995;
  const { length } = bytes;
  const at = (index: number): number => bytes[index] as number;
  let hash = 0x9747b28c ^ length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    let k = at(i) | (at(i + 1) << 8) | (at(i + 2) << 16) | (at(i + 3) << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    hash = Math.imul(hash, m) ^ Math.imul(k, m);
  }
  const rest = length - i;
  if (rest >= 3) hash ^= at(i + 2) << 16;
  if (rest >= 2) hash ^= at(i + 1) << 8;
  if (rest >= 1) hash = Math.imul(hash ^ at(i), m);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, m);
  return hash ^ (hash >>> 15);
}
