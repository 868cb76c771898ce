import { createHash, randomBytes } from 'node:crypto';

// Random digits are drawn by the block: one system call for 400 ids
const RANDOM_BYTES = 4_000;
const DIGITS = 20;
const VARIANT = '89ab';
let random = '';
let used = 0;
// Ids of one millisecond begin alike
let timedAt = -1;
let timed = '';

/**
 * A time-ordered random id (UUID version 7).
 *
 * @see https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
 */
export function uuidv7(nowMs: number): string {
  if (nowMs !== timedAt) {
    const time = Math.floor(nowMs).toString(16).padStart(12, '0');
    timed = `${time.slice(0, 8)}-${time.slice(8)}-7`;
    timedAt = nowMs;
  }
  if (used + DIGITS > random.length) {
    random = randomBytes(RANDOM_BYTES).toString('hex');
    used = 0;
  }
  const at = used;
  used += DIGITS;
  const variant = VARIANT[random.charCodeAt(at + 3) & 3];
  return `${timed}${random.slice(at, at + 3)}-${variant}${random.slice(at + 4, at + 7)}-${random.slice(at + 8, at + 20)}`;
}

/** When an id of version 7 was made, in milliseconds since the epoch; null for other ids. */
export function timeOf(id: string): number | null {
  if (id.length !== 36 || id[14] !== '7') return null;
  const ms = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  return Number.isNaN(ms) ? null : ms;
}

/**
 * An id made of a name (UUID version 5): the same name of the same scope, such as a step of a flow,
 * gives the same id, in every process and for ever.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-5
 */
export function uuidv5(scope: string, name: string): string {
  const namespace = sha1(Buffer.concat([NAMESPACE, Buffer.from(scope)]));
  const bytes = sha1(Buffer.concat([namespace.subarray(0, 16), Buffer.from(name)]));
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = bytes.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const NAMESPACE = Buffer.from('6f1d8a523f0e5c1b9d0a7a6b3c2e4f90', 'hex');

function sha1(data: Buffer): Buffer {
  return createHash('sha1').update(data).digest();
}

/** SHA-256 of a payload's JSON, independent of the order of its keys. */
export function fingerprint(job: string, payload: unknown): string {
  return createHash('sha256')
    .update(job)
    .update('\0')
    .update(canonical(payload))
    .digest('base64url');
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
