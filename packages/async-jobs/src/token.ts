import { createHmac, timingSafeEqual } from 'node:crypto';
import { JobTokenError } from './errors.ts';
import { integer, show } from './options.ts';

/** How subscription tokens are signed. */
export interface TokenOptions {
  /** At least 32 bytes, the same in every process. The first signs; the others, older ones, are still accepted. */
  readonly secrets: readonly (string | Uint8Array)[];
  /** Milliseconds a token is good for. Default 24 h. */
  readonly ttlMs?: number;
}

/**
 * Tokens that let whoever holds them follow one job: `<job id>.<expiry, seconds>.<HMAC-SHA-256>`.
 * They carry no payload and grant nothing but reading the status.
 */
export class Tokens {
  readonly #secrets: readonly Buffer[];
  readonly #ttlMs: number;

  constructor(options: TokenOptions) {
    this.#ttlMs = integer('tokens.ttlMs', options.ttlMs ?? 24 * 3600_000, 1_000);
    if (!Array.isArray(options.secrets) || options.secrets.length === 0) {
      throw new TypeError(
        `Expected \`tokens.secrets\` to be a list of secrets, got ${show(typeof options.secrets)}`,
      );
    }
    this.#secrets = options.secrets.map((secret) => Buffer.from(secret as string));
    const short = this.#secrets.find(({ length }) => length < 32);
    if (short) {
      throw new RangeError(
        `Expected \`tokens.secrets\` of 32 bytes or more, got ${short.length} bytes`,
      );
    }
  }

  sign(id: string, nowMs: number): string {
    const body = `${id}.${Math.ceil((nowMs + this.#ttlMs) / 1_000)}`;
    return `${body}.${mac(this.#secrets[0] as Buffer, body).toString('base64url')}`;
  }

  /** The job a token is for. @throws JobTokenError */
  verify(token: unknown, nowMs: number): string {
    const parts = typeof token === 'string' && token.length < 500 ? token.split('.') : [];
    const [id, expiry, signature] = parts;
    if (parts.length !== 3 || !id || !expiry || !signature) throw new JobTokenError('malformed');
    const given = Buffer.from(signature, 'base64url');
    const valid = this.#secrets.some((secret) => {
      const expected = mac(secret, `${id}.${expiry}`);
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
    if (!valid) throw new JobTokenError('signature');
    if (!(Number(expiry) * 1_000 > nowMs)) throw new JobTokenError('expired');
    return id;
  }
}

function mac(secret: Buffer, body: string): Buffer {
  return createHmac('sha256', secret).update(body).digest();
}
