import { createHash, timingSafeEqual } from 'node:crypto';
import { requireText } from './options.ts';

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
  // The rejected value is a secret: say its length, not its text.
  requireText('detailsToken', typeof token === 'string' ? 'text' : token, /text/, '');
  if (token.length < 16) {
    throw new RangeError(
      `Expected \`detailsToken\` of at least 16 characters, got ${token.length}`,
    );
  }
  const expected = digest(token);
  return (header) => {
    const [, presented] = /^Bearer ([^\s]{1,512})$/i.exec(header ?? '') ?? [];
    return presented !== undefined && timingSafeEqual(digest(presented), expected);
  };
}
