import { createHash, timingSafeEqual } from 'node:crypto';

/** Hashing first gives both sides one length, which `timingSafeEqual` needs and which hides the real one. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/**
 * Returns the test for an Authorization header: true for `Bearer <token>`, in constant time.
 * Without a token nobody is let in. Throws RangeError for a token of fewer than 16 characters.
 */
export function detailsGuard(token: string | undefined): (header: string | undefined) => boolean {
  if (token === undefined) return () => false;
  // The rejected value is a secret: say its type or length, never its text.
  if (typeof token !== 'string') {
    throw new TypeError(`Expected \`detailsToken\` to be a string, got ${typeof token}`);
  }
  if (!/^[\x21-\x7e]{16,512}$/.test(token)) {
    throw new RangeError(
      `Expected \`detailsToken\` of 16 to 512 visible ASCII characters, got ${token.length} characters`,
    );
  }
  const expected = digest(token);
  return (header) => {
    const [, presented] = /^Bearer ([\x21-\x7e]{16,512})$/i.exec(header ?? '') ?? [];
    return presented !== undefined && timingSafeEqual(digest(presented), expected);
  };
}
