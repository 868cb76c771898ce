/** The values that the shapes of the contract are made of, each with its rule. */
import { z } from 'zod';

export const id = z.uuid();
/** Text as people write it. PostgreSQL has no place for U+0000, so nobody gets one in. */
export const text = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .refine((value) => !value.includes('\u0000'), 'must not contain U+0000');
export const time = z.iso.datetime();
export const cents = z.int().min(0).max(100_000_00);
export const count = z.int().min(0);
export const sku = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'a name such as front-stalls');
export const currency = z.string().regex(/^[A-Z]{3}$/, 'a currency such as EUR');
export const seatId = z.string().regex(/^[A-Z]{1,2}-[1-9][0-9]{0,2}$/, 'a seat such as C-12');
export const slug = z.string().regex(/^[a-z0-9-]{1,64}$/, 'a name such as northern-lights');
/** at most 64 characters before the @, as RFC 5321 has it */
export const email = z
  .email()
  .max(254)
  .regex(/^[^@]{1,64}@/, 'has too much before the @');
