/**
 * Refresh sessions in Redis. The browser's token works once: each use replaces it, so a stolen copy
 * is found out as soon as thief and owner have both used it, and the session ends for both.
 *
 *   the cookie                        <region>.<family>.<secret>
 *   <namespace>:session:<family>      hash: user, current, previous, rotatedAt
 *   <namespace>:session:of:<user id>  set of families, for ending them all
 *
 * Only SHA-256 of a secret is stored: a look into Redis gives nobody a session.
 * @see https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2 Refresh token rotation
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type Region, regions, type User } from '../../contract.ts';

/**
 * Two tabs that wake together send the same cookie, and one comes second. For this long the
 * previous secret still gets an access token, though no new cookie: the browser has it already.
 */
const raceMs = 10_000;

/** KEYS[1] session hash, KEYS[2] families of the user. ARGV: family, user, secret's hash, TTL ms. */
const startScript = `
redis.call('HSET', KEYS[1], 'user', ARGV[2], 'current', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[4])`;

/**
 * KEYS[1] session hash. ARGV: secret's hash, next secret's hash, TTL ms, race window ms.
 * Replies {'rotated', user} | {'raced', user} | {'unknown'} | {'reused', user}
 */
const rotateScript = `
local user, current, previous, at = unpack(redis.call('HMGET', KEYS[1], 'user', 'current', 'previous', 'rotatedAt'))
if not user then return {'unknown'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[1] == current then
  redis.call('HSET', KEYS[1], 'current', ARGV[2], 'previous', current, 'rotatedAt', string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return {'rotated', user}
end
if ARGV[1] == previous and now - tonumber(at) < tonumber(ARGV[4]) then return {'raced', user} end
redis.call('DEL', KEYS[1])
return {'reused', user}`;

export type Refreshed =
  | { outcome: 'rotated'; user: User; token: string }
  | { outcome: 'raced'; user: User }
  | { outcome: 'unknown' }
  | { outcome: 'reused'; user: User };

export class Sessions {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #ttlMs: number;
  readonly #region: Region;

  /** `redis` is the home region's: a session has a person's name in it. */
  constructor(options: { redis: Redis; namespace: string; ttlMs: number; region: Region }) {
    this.#region = options.region;
    this.#redis = options.redis;
    this.#prefix = `${options.namespace}:session:`;
    this.#ttlMs = options.ttlMs;
  }

  /** A new session; the returned token goes into the cookie and nowhere else. */
  async start(user: User): Promise<string> {
    const family = randomUUID();
    const secret = newSecret();
    await this.#redis.eval(
      startScript,
      2,
      this.#prefix + family,
      this.#familiesOf(user.id),
      family,
      JSON.stringify(user),
      hash(secret),
      this.#ttlMs,
    );
    return `${this.#region}.${family}.${secret}`;
  }

  /** Uses the token up. `reused` has ended the session: someone else holds a copy of it. */
  async refresh(token: string): Promise<Refreshed> {
    const { family, secret } = split(token);
    if (!family) return { outcome: 'unknown' };
    const next = newSecret();
    const [outcome, user] = (await this.#redis.eval(
      rotateScript,
      1,
      this.#prefix + family,
      hash(secret),
      hash(next),
      this.#ttlMs,
      raceMs,
    )) as [Refreshed['outcome'], string];
    if (outcome === 'unknown') return { outcome };
    if (outcome === 'rotated')
      return { outcome, user: JSON.parse(user), token: `${this.#region}.${family}.${next}` };
    return { outcome, user: JSON.parse(user) };
  }

  /** Ends the session. An unknown or old token ends nothing and is no error. */
  async end(token: string): Promise<void> {
    const { family, secret } = split(token);
    if (!family) return;
    const current = await this.#redis.hget(this.#prefix + family, 'current');
    if (current === hash(secret)) await this.#redis.del(this.#prefix + family);
  }

  /** Ends every session of a user: a phone was lost, or a copy of a token was seen. */
  async endAll(userId: string): Promise<void> {
    const families = await this.#redis.smembers(this.#familiesOf(userId));
    await this.#redis.del(
      this.#familiesOf(userId),
      ...families.map((family) => this.#prefix + family),
    );
  }

  #familiesOf(userId: string): string {
    return `${this.#prefix}of:${userId}`;
  }
}

/** Which region's session a cookie is of. */
export function regionOf(token: string): Region | undefined {
  const [region] = token.split('.');
  return regions.find((known) => known === region);
}

function split(token: string): { family: string; secret: string } {
  const [, family = '', secret = ''] = /^[a-z]{2}\.([0-9a-f-]{36})\.([\w-]{43})$/.exec(token) ?? [];
  return { family, secret };
}

const newSecret = () => randomBytes(32).toString('base64url');
const hash = (secret: string) => createHash('sha256').update(secret).digest('base64url');
