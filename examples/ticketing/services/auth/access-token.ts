/**
 * Access tokens: signed, short-lived, verified by any process without asking a store. That is what
 * keeps half a million logins in ten minutes off the database.
 */
import { subtle, type webcrypto } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import { type Caller, callerSchema } from '../../contract.ts';
import { ProblemError } from '../problem.ts';

const issuer = 'evenkeel-ticketing';
const algorithm = 'HS256';

export type AccessTokenOptions = {
  /** at least 32 characters, the same in every gateway */
  secret: string;
  ttlMs: number;
  clock?: () => number;
};

export class AccessTokens {
  /** imported once: of a key of another form jose makes one of these at each call */
  readonly #key: Promise<webcrypto.CryptoKey>;
  readonly #ttlMs: number;
  readonly #clock: () => number;

  constructor(options: AccessTokenOptions) {
    const bytes = new TextEncoder().encode(options.secret);
    const hmac = { name: 'HMAC', hash: 'SHA-256' };
    this.#key = subtle.importKey('raw', bytes, hmac, false, ['sign', 'verify']);
    this.#ttlMs = options.ttlMs;
    this.#clock = options.clock ?? Date.now;
  }

  /** Only a number, a role and a region: what every service reads names nobody. */
  async issue(user: Caller): Promise<{ accessToken: string; expiresAt: string }> {
    const now = this.#clock();
    const expiresAt = new Date(now + this.#ttlMs);
    const accessToken = await new SignJWT({ role: user.role, region: user.region })
      .setProtectedHeader({ alg: algorithm, typ: 'at+jwt' })
      .setIssuer(issuer)
      .setSubject(user.id)
      .setIssuedAt(new Date(now))
      .setExpirationTime(expiresAt)
      .sign(await this.#key);
    return { accessToken, expiresAt: expiresAt.toISOString() };
  }

  /** @throws ProblemError `unauthorized` for a token that is forged, expired or of another kind */
  async verify(accessToken: string | undefined): Promise<Caller> {
    if (!accessToken) throw new ProblemError('unauthorized', 'Please log in.');
    try {
      const { payload } = await jwtVerify(accessToken, await this.#key, {
        // never the algorithm that the token itself names: `none` is one of them
        algorithms: [algorithm],
        typ: 'at+jwt',
        issuer,
        requiredClaims: ['sub', 'exp'],
        currentDate: new Date(this.#clock()),
      });
      const caller = callerSchema.safeParse({ ...payload, id: payload.sub });
      if (caller.success) return caller.data;
      throw new errors.JWTInvalid('claims that are not a caller');
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      throw new ProblemError('unauthorized', 'Please log in again.');
    }
  }
}
