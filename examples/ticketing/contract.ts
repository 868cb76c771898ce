/**
 * What the pages and the services say to each other: every route, message and shape, once.
 * Both sides import this file, so neither can drift.
 *
 * | route | asks | answers |
 * |---|---|---|
 * | POST   /api/users                  | Registration | 201 Session, 409 |
 * | POST   /api/session                | Credentials  | 200 Session, 401, 429 |
 * | POST   /api/session/refresh        | (cookie)     | 200 Session, 401 |
 * | DELETE /api/session                | (cookie)     | 204 |
 * | GET    /api/events/:slug           |              | 200 EventPage, 404 |
 * | GET    /api/events/:slug/availability |           | 200 Availability |
 * | POST   /api/holds                  | HoldRequest  | 201 HeldSeats, 409 Problem |
 * | GET    /api/holds/:id              |              | 200 HeldSeats, 404 |
 * | DELETE /api/holds/:id              |              | 204 |
 * | POST   /api/orders                 | OrderRequest | 202 OrderAccepted, 409, 410 Problem |
 * | GET    /api/orders/:id             |              | 200 Order, 404 |
 * | GET    /api/ticket-key             |              | 200 TicketKey |
 * | GET    /ws  (WebSocket)            | ClientMessage | ServerMessage |
 *
 * Holds and orders need `Authorization: Bearer <accessToken>`; the refresh token travels only in an
 * HttpOnly, SameSite=Strict cookie that no other route reads. Every error is a `Problem`.
 */
import { z } from 'zod';

const id = z.uuid();
const seatId = z.string().regex(/^[A-Z]{1,2}-[1-9][0-9]{0,2}$/, 'a seat such as C-12');

export const registrationSchema = z.object({
  email: z.email().max(254),
  password: z.string().min(10).max(200),
  name: z.string().trim().min(1).max(100),
});
export const credentialsSchema = z.object({
  email: z.email().max(254),
  password: z.string().min(1).max(200),
});
/** `id` comes from the browser: the same id with the same seats is answered the same way again. */
export const holdRequestSchema = z.object({
  id,
  event: z.string().max(64),
  seats: z.array(seatId).min(1).max(6),
});
/** `id` comes from the browser and is the idempotency key of the whole purchase. */
export const orderRequestSchema = z.object({ id, holdId: id, card: z.string().min(1).max(64) });

export type Registration = z.infer<typeof registrationSchema>;
export type Credentials = z.infer<typeof credentialsSchema>;
export type HoldRequest = z.infer<typeof holdRequestSchema>;
export type OrderRequest = z.infer<typeof orderRequestSchema>;

export type User = { id: string; email: string; name: string };
/** `accessToken` is kept in memory by the page and is good until `expiresAt` (ISO time). */
export type Session = { user: User; accessToken: string; expiresAt: string };

/** A row of seats is a string of seat numbers 1..`seats`; a seat's id is `<row>-<number>`. */
export type Category = {
  sku: string;
  name: string;
  priceCents: number;
  rows: { row: string; seats: number }[];
};
export type EventPage = {
  slug: string;
  title: string;
  tagline: string;
  venue: string;
  city: string;
  startsAt: string;
  currency: string;
  categories: Category[];
  serverNow: string;
};

export type SeatState = 'free' | 'held' | 'sold';
export type Count = { sku: string; total: number; free: number; held: number; sold: number };
/** `seats` lists only seats that are not free. `seq` grows by one with each change. */
export type Availability = {
  event: string;
  seq: number;
  counts: Count[];
  seats: Record<string, Exclude<SeatState, 'free'>>;
  serverNow: string;
};

export type HeldSeats = {
  id: string;
  event: string;
  seats: string[];
  amountCents: number;
  currency: string;
  expiresAt: string;
  serverNow: string;
};

export type OrderState = 'processing' | 'paid' | 'declined' | 'expired' | 'refunded';
/** What the payment is doing while an order is `processing`. */
export type OrderStep = 'queued' | 'charging' | 'deciding' | 'ticketing' | 'done';
export type Ticket = { id: string; seat: string; category: string; code: string };
export type Order = {
  id: string;
  event: string;
  title: string;
  state: OrderState;
  step: OrderStep;
  seats: string[];
  amountCents: number;
  currency: string;
  createdAt: string;
  completedAt: string | null;
  tickets: Ticket[];
};
export type OrderAccepted = { id: string; state: 'processing'; step: 'queued' };

/**
 * A ticket's `code` is `EK1.<payload>.<signature>`, both base64url: the payload is the JSON of
 * `TicketClaims`, the signature is Ed25519 over the text `EK1.<payload>`. This key verifies it
 * without asking anybody.
 */
export type TicketKey = {
  algorithm: 'Ed25519';
  publicKeyJwk: { kty: string; crv: string; x: string };
};
export type TicketClaims = { ticket: string; order: string; event: string; seat: string };

export type ProblemCode =
  | 'invalid_input'
  | 'unauthorized'
  | 'email_taken'
  | 'too_many_attempts'
  | 'not_found'
  | 'seat_taken'
  | 'limit_reached'
  | 'conflict'
  | 'hold_expired'
  | 'unavailable';
/** `message` is a sentence for people; `fields` names what was wrong with which input. */
export type Problem = {
  code: ProblemCode;
  message: string;
  fields?: Record<string, string>;
  retryAfterMs?: number;
};

/** One WebSocket a browser. `authorize` may come any time before `watch-order`. */
export type ClientMessage =
  | { type: 'authorize'; accessToken: string }
  | { type: 'watch-event'; event: string }
  | { type: 'watch-order'; order: string };
/** A `change` names the categories and seats that changed; its `seq` is the last one plus one. */
export type ServerMessage =
  | { type: 'availability'; availability: Availability }
  | {
      type: 'change';
      event: string;
      seq: number;
      counts: Count[];
      seats: Record<string, SeatState>;
    }
  | { type: 'order'; order: Order }
  | { type: 'problem'; problem: Problem };
