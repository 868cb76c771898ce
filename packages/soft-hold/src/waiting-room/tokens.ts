import { createHmac, timingSafeEqual } from 'node:crypto';

/** What is signed: a place in the lobby or the queue, or the pass that admits. */
export type TokenKind = 'ticket' | 'pass';
type Claims = { k: TokenKind; r: string; a: string; p: number; e: number };

/** Why a token is not taken. */
export type TokenRefusal =
  | 'malformed'
  | 'forged'
  | 'other_kind'
  | 'other_room'
  | 'other_account'
  | 'expired';

/** A token that was taken: whose place it is, and until when, in ms. */
export type TokenContent = { account: string; place: number; expiresAt: number };

const MOST = 1_024;

/**
 * Tokens of one room: `base64url(claims).base64url(HMAC-SHA256)`. Kind, room, account and expiry are
 * inside the signature, so a token is worth nothing elsewhere, for somebody else, or later.
 */
export class Tokens {
  readonly #room: string;
  readonly #secrets: readonly string[];

  /** @param secrets the first signs, all verify: put a new one in front, take the old one out later */
  constructor(room: string, secrets: readonly string[]) {
    this.#room = room;
    this.#secrets = secrets;
  }

  sign(kind: TokenKind, { account, place, expiresAt }: TokenContent): string {
    const claims: Claims = { k: kind, r: this.#room, a: account, p: place, e: expiresAt };
    const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
    return `${body}.${this.#mac(this.#secrets[0] as string, body).toString('base64url')}`;
  }

  /** @param account who brings it */
  verify(
    kind: TokenKind,
    token: unknown,
    account: string,
    now: number,
  ): TokenContent | TokenRefusal {
    if (typeof token !== 'string' || token.length > MOST) return 'malformed';
    const [body, mac, ...rest] = token.split('.');
    if (!body || !mac || rest.length > 0) return 'malformed';
    const given = Buffer.from(mac, 'base64url');
    const signed = this.#secrets.some((secret) => {
      const expected = this.#mac(secret, body);
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
    if (!signed) return 'forged';
    const claims: Claims = JSON.parse(Buffer.from(body, 'base64url').toString());
    if (claims.k !== kind) return 'other_kind';
    if (claims.r !== this.#room) return 'other_room';
    if (claims.a !== account) return 'other_account';
    if (claims.e <= now) return 'expired';
    return { account: claims.a, place: claims.p, expiresAt: claims.e };
  }

  #mac(secret: string, body: string): Buffer {
    return createHmac('sha256', secret).update(body).digest();
  }
}
