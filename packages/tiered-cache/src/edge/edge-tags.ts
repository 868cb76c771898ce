import { createHash } from 'node:crypto';
import type { Vendor } from './vendors.ts';

/** No more than the least that any edge takes for one response. */
const COARSE = 32;

const sha256 = (text: string) => createHash('sha256').update(text).digest();

/** A tag as every edge takes it: what is not a letter, digit, dot, dash or underscore as `%XX`; a long one by its hash. */
export function edgeTag(tag: string, vendor: Vendor): string {
  const bytes = [...Buffer.from(tag)];
  const plain = /[A-Za-z0-9._-]/;
  const text = bytes
    .map((byte) => {
      const character = String.fromCharCode(byte);
      if (plain.test(character)) return character;
      return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
  return text.length <= vendor.maxTagLength ? text : `h-${sha256(tag).toString('hex')}`;
}

/** One of 32 tags that stands for many: purged together with each of them. */
export const coarseTag = (tag: string): string => `coarse-${(sha256(tag)[0] ?? 0) % COARSE}`;

/**
 * The header's value. When the tags are too many for the edge, all are replaced by their coarse
 * tags: more is purged than need be, but nothing is missed.
 */
export function tagHeader(tags: Iterable<string>, vendor: Vendor) {
  const distinct = [...new Set(tags)];
  const value = distinct.map((tag) => edgeTag(tag, vendor)).join(vendor.separator);
  if (distinct.length <= vendor.maxTags && value.length <= vendor.maxHeaderBytes) {
    return { value, overflow: false };
  }
  const coarse = [...new Set(distinct.map(coarseTag))];
  return { value: coarse.join(vendor.separator), overflow: true };
}

/** What to purge for these tags, in batches that the edge takes. */
export function purgeBatches(tags: Iterable<string>, vendor: Vendor): string[][] {
  const all = new Set<string>();
  for (const tag of tags) all.add(edgeTag(tag, vendor)).add(coarseTag(tag));
  const names = [...all].map((tag) => vendor.purgePrefix + tag);
  const batches: string[][] = [];
  for (let i = 0; i < names.length; i += vendor.purgeBatch) {
    batches.push(names.slice(i, i + vendor.purgeBatch));
  }
  return batches;
}
