import type { TicketClaims, TicketKey } from '../../contract.ts';

export type Verdict =
  | { result: 'genuine'; claims: TicketClaims }
  | { result: 'forged' }
  | { result: 'unsupported' };

/**
 * Checks a ticket's Ed25519 signature with the public key alone: no server is asked, so a scanner at
 * a door without network can do the same. `unsupported` when this browser has no Ed25519 (WebCrypto
 * has it in Chromium 137, Firefox 129 and Safari 17, and only on https or localhost).
 */
export async function verifyTicket(code: string, key: TicketKey): Promise<Verdict> {
  if (!globalThis.crypto?.subtle) return { result: 'unsupported' };
  const { kty, crv, x } = key.publicKeyJwk;
  const publicKey = await crypto.subtle
    .importKey('jwk', { kty, crv, x }, 'Ed25519', false, ['verify'])
    .catch(() => null);
  if (!publicKey) return { result: 'unsupported' };
  const [prefix, payload, signature, ...rest] = code.split('.');
  if (prefix !== 'EK1' || !payload || !signature || rest.length > 0) return { result: 'forged' };
  try {
    const signed = new TextEncoder().encode(`${prefix}.${payload}`);
    const genuine = await crypto.subtle.verify(
      'Ed25519',
      publicKey,
      fromBase64Url(signature),
      signed,
    );
    if (!genuine) return { result: 'forged' };
    const claims = new TextDecoder().decode(fromBase64Url(payload));
    return { result: 'genuine', claims: JSON.parse(claims) as TicketClaims };
  } catch {
    return { result: 'forged' }; // not even base64url, or not JSON
  }
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(bytes, (char) => char.charCodeAt(0));
}
