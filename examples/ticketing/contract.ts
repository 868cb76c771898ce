/**
 * What the pages and the services say to each other: every message and shape, once, as a schema that
 * inputs are checked by and the OpenAPI document is made of. `api.ts` has the routes. Both sides
 * import this file, so neither can drift; the pages take only its types. Holds and orders need `Authorization: Bearer <accessToken>`; the refresh token travels only in an
 * HttpOnly, SameSite=Strict cookie that no other route reads. Every error is a `Problem`.
 */
import { z } from 'zod';
import {
  cents,
  count,
  currency,
  email,
  id,
  seatId,
  sku,
  slug,
  text,
  time,
} from './contract-values.ts';

export const idParams = z.object({ id });
export const slugParams = z.object({ slug });

export const regions = ['eu', 'us', 'au'] as const;
/** Where a person's data lives; nothing personal is stored or cached anywhere else. */
export type Region = (typeof regions)[number];
export const roles = ['buyer', 'organiser', 'scanner'] as const;
export type Role = (typeof roles)[number];

export const registrationSchema = z.object({
  email,
  password: z.string().min(10).max(200),
  name: text(100),
  region: z.enum(regions).optional(),
});
export const credentialsSchema = z.object({ email, password: z.string().min(1).max(200) });
/** `id` comes from the browser: the same id with the same seats is answered the same way again. */
export const holdRequestSchema = z.object({
  id,
  event: z.string().max(64),
  seats: z.array(seatId).min(1).max(6),
  /** where the event has a waiting room */
  pass: z.string().max(2_000).optional(),
});
/**
 * `id` comes from the browser and is the idempotency key of the whole purchase. `amountCents` is the
 * price that the buyer has seen; without it the price list decides.
 */
export const orderRequestSchema = z.object({
  id,
  holdId: id,
  card: text(64),
  amountCents: count.optional(),
});

export type Registration = z.infer<typeof registrationSchema>;
export type Credentials = z.infer<typeof credentialsSchema>;
export type HoldRequest = z.infer<typeof holdRequestSchema>;
export type OrderRequest = z.infer<typeof orderRequestSchema>;

export const userSchema = z.object({
  id,
  email,
  name: z.string(),
  role: z.enum(roles),
  region: z.enum(regions),
});
export type User = z.infer<typeof userSchema>;
/** Who calls, as an access token says it: a number, not a person. */
export const callerSchema = userSchema.pick({ id: true, role: true, region: true });
export type Caller = z.infer<typeof callerSchema>;
/** `accessToken` is kept in memory by the page and is good until `expiresAt` (ISO time). */
export const sessionSchema = z.object({
  user: userSchema,
  accessToken: z.string(),
  expiresAt: time,
});
export type Session = z.infer<typeof sessionSchema>;

/** A row of seats is a string of seat numbers 1..`seats`; a seat's id is `<row>-<number>`. */
export const categorySchema = z.object({
  sku,
  name: text(100),
  priceCents: cents,
  rows: z
    .array(
      z.object({
        row: z.string().regex(/^[A-Z]{1,2}$/, 'one or two capital letters'),
        seats: z.int().min(1).max(999),
      }),
    )
    .min(1)
    .max(702),
});
export type Category = z.infer<typeof categorySchema>;
/** What an organiser says of a new event; a row of seats belongs to one category. */
export const newEventSchema = z.object({
  slug,
  title: text(200),
  tagline: text(300),
  venue: text(100),
  city: text(100),
  startsAt: time,
  /** null: it is on sale already */
  opensAt: time.nullable().default(null),
  hasWaitingRoom: z.boolean().default(false),
  /** how many people a second the waiting room lets through */
  admitPerSecond: z.int().min(1).max(10_000).default(50),
  currency,
  categories: z
    .array(categorySchema)
    .min(1)
    .max(20)
    .refine((categories) => {
      const rows = categories.flatMap(({ rows }) => rows.map(({ row }) => row));
      return new Set(rows).size === rows.length;
    }, 'a row belongs to one category')
    .refine(
      (categories) => new Set(categories.map(({ sku }) => sku)).size === categories.length,
      'each category has a name of its own',
    ),
});
export type NewEvent = z.infer<typeof newEventSchema>;
export const eventPageSchema = z.object({ ...newEventSchema.shape, serverNow: time });
export type EventPage = z.infer<typeof eventPageSchema>;
export const eventListSchema = z.object({
  events: z.array(
    z.object({ slug, title: z.string(), venue: z.string(), city: z.string(), startsAt: time }),
  ),
});
export type EventList = z.infer<typeof eventListSchema>;
export const priceChangeSchema = z.object({ priceCents: cents });
export const capacityChangeSchema = z.object({ seats: z.int().min(0).max(100_000) });
/** `seats`: how many of the category are on sale now, those that are sold included. */
export const capacitySchema = z.object({ sku, seats: count });
export const saleChangeSchema = z.object({
  paused: z.boolean(),
  admitPerSecond: z.int().min(1).max(10_000).optional(),
});
export const categoryParams = z.object({ slug, sku });

const seatStates = ['free', 'held', 'sold'] as const;
export type SeatState = (typeof seatStates)[number];
const countSchema = z.object({ sku, total: count, free: count, held: count, sold: count });
export type Count = z.infer<typeof countSchema>;
/** `seats` lists only seats that are not free. `seq` grows by one with each change. */
export const availabilitySchema = z.object({
  event: slug,
  seq: count,
  counts: z.array(countSchema),
  seats: z.record(z.string(), z.enum(['held', 'sold'])),
  serverNow: time,
});
export type Availability = z.infer<typeof availabilitySchema>;

/** One document for everybody, cached for a second; each browser finds its own place in it. */
export const waitingRoomSchema = z.object({
  room: z.string(),
  phase: z.enum(['lobby', 'open']),
  commitment: z.string(),
  seed: z.string().nullable(),
  opensAt: z.number(),
  admittedBelow: z.number(),
  steps: z.array(z.array(z.number()).length(2)),
  waiting: count,
  active: count,
  pacePerSecond: z.number(),
  updatedAt: z.number(),
});
export type WaitingRoomPage = z.infer<typeof waitingRoomSchema>;
/** `place` is null before the draw; the same account has the same place however often it comes. */
export const waitingTicketSchema = z.object({
  ticket: z.string(),
  place: z.number().nullable(),
  expiresAt: z.number(),
});
export type WaitingTicket = z.infer<typeof waitingTicketSchema>;
export const passRequestSchema = z.object({ ticket: z.string().min(1).max(2_000) });
/** `pass` and `expiresAt` (ms) once it is one's turn, else where one stands. */
export const admissionSchema = z.object({
  status: z.enum(['admitted', 'waiting']),
  pass: z.string().nullable(),
  expiresAt: z.number().nullable(),
  position: z.number(),
  waitSeconds: z.number().nullable(),
});
export type Admission = z.infer<typeof admissionSchema>;

export const heldSeatsSchema = z.object({
  id,
  event: slug,
  seats: z.array(seatId),
  amountCents: count,
  currency,
  expiresAt: time,
  serverNow: time,
  /** Whether the buyer may still ask for more time; it is given once. */
  extendable: z.boolean(),
});
export type HeldSeats = z.infer<typeof heldSeatsSchema>;

/** `refunding`: cancelled, its seats are free again, and the money is on its way back. */
const orderStates = ['processing', 'paid', 'declined', 'expired', 'refunding', 'refunded'] as const;
/** What the payment is doing while an order is `processing`. */
const orderSteps = ['queued', 'charging', 'deciding', 'ticketing', 'done'] as const;
export type OrderStep = (typeof orderSteps)[number];
const ticketSchema = z.object({ id, seat: seatId, category: z.string(), code: z.string() });
export type Ticket = z.infer<typeof ticketSchema>;
export const orderSchema = z.object({
  id,
  event: slug,
  title: z.string(),
  state: z.enum(orderStates),
  step: z.enum(orderSteps),
  seats: z.array(seatId),
  amountCents: count,
  currency,
  createdAt: time,
  completedAt: time.nullable(),
  tickets: z.array(ticketSchema),
});
export type Order = z.infer<typeof orderSchema>;
export const orderAcceptedSchema = z.object({
  id,
  state: z.literal('processing'),
  step: z.literal('queued'),
});
export type OrderAccepted = z.infer<typeof orderAcceptedSchema>;

/**
 * A ticket's `code` is `EK1.<payload>.<signature>`, both base64url: the payload is the JSON of
 * `TicketClaims`, the signature is Ed25519 over the text `EK1.<payload>`. This key verifies it
 * without asking anybody.
 */
export const ticketKeySchema = z.object({
  algorithm: z.literal('Ed25519'),
  publicKeyJwk: z.object({ kty: z.string(), crv: z.string(), x: z.string() }),
});
export type TicketKey = z.infer<typeof ticketKeySchema>;
export type TicketClaims = { ticket: string; order: string; event: string; seat: string };

/** What an organiser sees of a sale: SQL's count of it, beside what Redis says is held. */
export const saleReportSchema = z.object({
  event: slug,
  title: z.string(),
  paused: z.boolean(),
  currency,
  /** `sold` are those of buyers; `withheld` are taken off the sale, and in `total` */
  counts: z.array(countSchema.extend({ name: z.string(), priceCents: cents, withheld: count })),
  admitPerSecond: count,
  /** null where the event has no waiting room */
  room: z.object({ waiting: count, active: count, pacePerSecond: z.number() }).nullable(),
  orders: z.record(z.string(), count),
  paidCents: count,
  refundedCents: count,
  ticketsLastMinute: count,
  serverNow: time,
});
export type SaleReport = z.infer<typeof saleReportSchema>;
/** Orders whose buyers, or whose money, are waited for longer than a minute, and what their job says. */
export const stuckOrdersSchema = z.object({
  orders: z.array(
    z.object({
      id,
      event: slug,
      seats: z.array(seatId),
      state: z.enum(orderStates),
      since: time,
      job: z.object({ state: z.string(), attempt: count, error: z.string().nullable() }).nullable(),
    }),
  ),
});
export type StuckOrders = z.infer<typeof stuckOrdersSchema>;
/** How many given-up jobs of the order were put back into their queue: 0 when it is still being tried. */
export const retrySchema = z.object({ retried: count });
export const auditQuery = z.object({ limit: z.coerce.number().int().min(1).max(500).default(100) });
export const auditLogSchema = z.object({
  entries: z.array(
    z.object({
      id: count,
      at: time,
      actor: z.string(),
      action: z.string(),
      subject: z.string(),
      details: z.record(z.string(), z.unknown()),
    }),
  ),
});
export type AuditLog = z.infer<typeof auditLogSchema>;

const device = z.string().regex(/^[\w .-]{1,64}$/, 'a name such as North gate 2');
const scannedCode = z.string().min(1).max(1_000);
/** `id` comes from the scanner: the same scan sent again is the same scan. */
export const scanRequestSchema = z.object({ id, event: slug, device, code: scannedCode });
export type ScanRequest = z.infer<typeof scanRequestSchema>;
/** `used` names the scan that was first; the others say why the code is worth nothing here. */
const scanOutcomes = ['admitted', 'used', 'void', 'forged', 'other_event'] as const;
export const scanResultSchema = z.object({
  id,
  outcome: z.enum(scanOutcomes),
  ticket: id.nullable(),
  seat: seatId.nullable(),
  first: z.object({ device: z.string(), at: time }).nullable(),
});
export type ScanResult = z.infer<typeof scanResultSchema>;
/** What a scanner without network has let in by signature and by its list, with the times it did. */
export const offlineScansSchema = z.object({
  event: slug,
  device,
  scans: z.array(z.object({ id, code: scannedCode, at: time })).max(1_000),
});
export type OfflineScans = z.infer<typeof offlineScansSchema>;
/** `conflicts` are those of `results` that were let in here and had been let in elsewhere before. */
export const syncReportSchema = z.object({
  results: z.array(scanResultSchema),
  conflicts: z.array(scanResultSchema),
});
export type SyncReport = z.infer<typeof syncReportSchema>;
export const doorListSchema = z.object({
  event: slug,
  key: ticketKeySchema,
  tickets: z.array(z.object({ id, seat: seatId, used: z.boolean() })),
  serverNow: time,
});
export type DoorList = z.infer<typeof doorListSchema>;

/** What the payment provider tells; signed, see `services/payments/webhook-signature.ts`. */
export const pspEventSchema = z.object({
  id: z.string().min(1).max(100),
  type: z.enum([
    'charge.authorised',
    'charge.captured',
    'charge.voided',
    'charge.refunded',
    'charge.declined',
  ]),
  /** grows with every event of a charge, in the order in which things happened */
  sequence: z.int().min(1),
  charge: z.object({ id: z.string().min(1).max(100), reference: z.string().max(100) }),
});
export type PspEvent = z.infer<typeof pspEventSchema>;

export const problemCodes = {
  invalid_input: 400,
  unauthorized: 401,
  forbidden: 403,
  pass_needed: 403,
  not_found: 404,
  email_taken: 409,
  seat_taken: 409,
  limit_reached: 409,
  conflict: 409,
  price_changed: 409,
  not_open: 409,
  hold_expired: 410,
  too_large: 413,
  too_many_attempts: 429,
  unavailable: 503,
} as const;
export type ProblemCode = keyof typeof problemCodes;
/** `message` is a sentence for people; `fields` names what was wrong with which input. */
export const problemSchema = z.object({
  code: z.enum(Object.keys(problemCodes) as [ProblemCode, ...ProblemCode[]]),
  message: z.string(),
  fields: z.record(z.string(), z.string()).optional(),
  retryAfterMs: z.number().min(0).optional(),
});
export type Problem = z.infer<typeof problemSchema>;

/** One WebSocket a browser. `authorize` may come any time before `watch-order`. */
export const clientMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('authorize'), accessToken: z.string().max(4_096) }),
  z.object({ type: z.literal('watch-event'), event: z.string().max(64) }),
  z.object({ type: z.literal('watch-order'), order: z.string().max(64) }),
  /** who comes next says `place`, to be told at once when it is admitted */
  z.object({
    type: z.literal('watch-waiting-room'),
    event: z.string().max(64),
    place: z.number().optional(),
  }),
  /** for organisers */
  z.object({ type: z.literal('watch-sale'), event: z.string().max(64) }),
]);
export type ClientMessage = z.infer<typeof clientMessageSchema>;
/** `authorized`: the token is good. A `change` names the categories and seats that changed; its `seq` is the last one plus one. */
export type ServerMessage =
  | { type: 'authorized' }
  | { type: 'availability'; availability: Availability }
  | {
      type: 'change';
      event: string;
      seq: number;
      counts: Count[];
      seats: Record<string, SeatState>;
    }
  | { type: 'order'; order: Order }
  | { type: 'waiting-room'; event: string; status: WaitingRoomPage }
  | { type: 'sale'; report: SaleReport; stuck: StuckOrders['orders'] }
  | { type: 'problem'; problem: Problem };
