/**
 * Signed tickets: `EK1.<claims>.<signature>`. Whoever has the public key can verify one without
 * asking anybody, which is what lets a scanner at the door work without a network.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import type { TicketClaims, TicketKey } from '../../contract.ts';

const prefix = 'EK1';

/** A new key pair in the form in which the environment carries it: DER in base64. */
export function generateTicketKeys(): { privateKey: string; publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'),
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
  };
}

/** @throws Error when the text is not an Ed25519 private key (PKCS #8, DER, base64) */
export function ticketPrivateKey(text: string): KeyObject {
  return ed25519('private', () =>
    createPrivateKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'pkcs8' }),
  );
}

/** @throws Error when the text is not an Ed25519 public key (SPKI, DER, base64) */
export function ticketPublicKey(text: string): KeyObject {
  return ed25519('public', () =>
    createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' }),
  );
}

function ed25519(half: 'private' | 'public', read: () => KeyObject): KeyObject {
  try {
    const key = read();
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // the parser's own words ("error:1E08010C:DECODER routines") help nobody
  }
  throw new Error(`must be an Ed25519 ${half} key in base64; \`main.ts keys\` prints a new pair`);
}

/** Costs about 50 us; the order of the claims is fixed, so a ticket's code never changes. */
export function signTicket(claims: TicketClaims, key: KeyObject): string {
  const { ticket, order, event, seat } = claims;
  const payload = Buffer.from(JSON.stringify({ ticket, order, event, seat })).toString('base64url');
  const signed = `${prefix}.${payload}`;
  return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`;
}

/** The claims of a genuine ticket, or undefined: a forged code and a garbled one are the same. */
export function verifyTicket(code: string, key: KeyObject): TicketClaims | undefined {
  const [version, payload, signature, ...rest] = code.split('.');
  if (version !== prefix || !payload || !signature || rest.length > 0) return undefined;
  const signed = Buffer.from(`${prefix}.${payload}`);
  if (!verify(null, signed, key, Buffer.from(signature, 'base64url'))) return undefined;
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as TicketClaims;
}

/** The public key as browsers import it (`crypto.subtle.importKey('jwk', ...)`). */
export function publishedKey(publicKey: KeyObject): TicketKey {
  const { kty = '', crv = '', x = '' } = publicKey.export({ format: 'jwk' });
  return { algorithm: 'Ed25519', publicKeyJwk: { kty, crv, x } };
}

/** The other direction, for a scanner or a test that has only what `/api/ticket-key` answers. */
export function importPublishedKey(key: TicketKey): KeyObject {
  return createPublicKey({ key: key.publicKeyJwk, format: 'jwk' });
}
