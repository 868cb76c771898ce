import { createHash } from 'node:crypto';

/** The same for all that have none. */
export const NO_TAGS: readonly string[] = [];
const LONGEST_KEY = 512;
const MOST_TAGS = 64;
const LONGEST_TAG = 256;

/**
 * The key that names the entry in every tier: itself, or of one longer than 512 characters its
 * beginning and its SHA-256, which is longer than any key that stands for itself: no two keys share
 * an entry.
 *
 * @throws TypeError when it is not a string, or empty
 * @throws RangeError when it is not well-formed Unicode: UTF-8 would make different keys the same
 */
export function toStorageKey(key: unknown): string {
  if (typeof key !== 'string' || key === '') {
    const got = key === '' ? 'an empty one' : typeof key;
    throw new TypeError(`Expected \`key\` to be a non-empty string, got ${got}`);
  }
  if (/\p{Surrogate}/u.test(key)) {
    throw new RangeError('Expected `key` to be well-formed Unicode, got half of a surrogate pair');
  }
  if (key.length <= LONGEST_KEY) return key;
  const hash = createHash('sha256').update(key).digest('hex');
  const head = key.slice(0, LONGEST_KEY).replace(/\p{Surrogate}$/u, '-');
  return `${head}#${hash}`;
}

/** @throws TypeError or RangeError when these cannot be tags */
export function toTags(tags: unknown): readonly string[] {
  if (!Array.isArray(tags)) {
    throw new TypeError(`Expected \`tags\` to be an array, got ${typeof tags}`);
  }
  if (tags.length === 0) return NO_TAGS;
  if (tags.length > MOST_TAGS) {
    throw new RangeError(`Expected \`tags\` to have at most ${MOST_TAGS} tags, got ${tags.length}`);
  }
  for (const tag of tags) {
    if (typeof tag !== 'string') {
      throw new TypeError(`Expected \`tags\` to hold strings, got ${typeof tag}`);
    }
    if (tag === '' || tag.length > LONGEST_TAG || /\p{Surrogate}/u.test(tag)) {
      throw new RangeError(
        `Expected each of \`tags\` to have 1 to ${LONGEST_TAG} characters of well-formed Unicode, got ${tag.length}`,
      );
    }
  }
  return [...new Set<string>(tags)];
}
