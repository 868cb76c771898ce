import { hkdfSync } from 'node:crypto';

/** A secret for another purpose, from which nobody finds the way back to the first. 43 characters. */
export function derivedSecret(secret: string, purpose: string): string {
  return Buffer.from(hkdfSync('sha256', secret, '', purpose, 32)).toString('base64url');
}
