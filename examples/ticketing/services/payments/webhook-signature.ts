/**
 * `psp-signature: t=<unix seconds>,v1=<HMAC-SHA256 of "t.body" in hex>`: who knows the secret has sent
 * exactly these bytes, and has done so just now.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** Either way: late deliveries are re-signed by their sender, and clocks differ by less. */
const windowMs = 5 * 60_000;

export function signWebhook(body: string, secret: string, now: number): string {
  const at = Math.floor(now / 1_000);
  return `t=${at},v1=${digest(at, body, secret)}`;
}

/** Why a webhook is not believed, or undefined when it is. */
export function distrust(
  header: string | undefined,
  body: string,
  secret: string,
  now: number,
): 'unsigned' | 'forged' | 'old' | undefined {
  const [, at, signature] = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header ?? '') ?? [];
  if (!at || !signature) return 'unsigned';
  const expected = Buffer.from(digest(Number(at), body, secret), 'hex');
  if (!timingSafeEqual(Buffer.from(signature, 'hex'), expected)) return 'forged';
  // only a genuine signature's time means anything
  return Math.abs(now - Number(at) * 1_000) > windowMs ? 'old' : undefined;
}

const digest = (at: number, body: string, secret: string) =>
  createHmac('sha256', secret).update(`${at}.${body}`).digest('hex');
