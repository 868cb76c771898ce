/**
 * Every route of the shop, once: which service answers it, who may call it, what it takes and what
 * it gives. Services bind handlers to these entries, the gateway finds its way by them, and the
 * OpenAPI document at `/openapi.json` is made of them.
 */
import type { z } from 'zod';
import { paths } from './addresses.ts';
import * as c from './contract.ts';

/** The services that answer HTTP calls; the gateway stands in front of them. */
export const apiServices = ['auth', 'catalog', 'inventory', 'orders', 'payments'] as const;
export type ApiService = (typeof apiServices)[number];
/** Anybody, whoever is logged in, or only who has that role. */
export type Access = 'anybody' | 'user' | Exclude<c.Role, 'buyer'>;

export type Route = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** as Fastify writes it: `/api/orders/:id` */
  readonly path: string;
  readonly service: ApiService;
  readonly access: Access;
  readonly summary: string;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** bytes; default 16 KiB */
  readonly bodyLimit?: number;
  /** the status and shape of success; null has no body */
  readonly status: 200 | 201 | 202 | 204;
  readonly answer: z.ZodType | null;
  /** refusals beyond those of every route (invalid input, no access, too many calls, unavailable) */
  readonly problems?: readonly c.ProblemCode[];
  /** reads or sets the session cookie */
  readonly cookie?: true;
};

const define = <const R extends Route>(route: R): R => route;

const auth = { service: 'auth' } as const;
const catalog = { service: 'catalog' } as const;
const inventory = { service: 'inventory' } as const;
const orders = { service: 'orders' } as const;
const payments = { service: 'payments' } as const;

export const api = {
  register: define({
    ...auth,
    method: 'POST',
    path: paths.users,
    access: 'anybody',
    summary: 'Opens an account and a session.',
    body: c.registrationSchema,
    status: 201,
    answer: c.sessionSchema,
    problems: ['email_taken'],
    cookie: true,
  }),
  logIn: define({
    ...auth,
    method: 'POST',
    path: paths.session,
    access: 'anybody',
    summary: 'Opens a session; ten attempts an account in 15 minutes.',
    body: c.credentialsSchema,
    status: 200,
    answer: c.sessionSchema,
    problems: ['unauthorized'],
    cookie: true,
  }),
  refresh: define({
    ...auth,
    method: 'POST',
    path: paths.refresh,
    access: 'anybody',
    summary: 'A new access token for the session of the cookie, which works once.',
    status: 200,
    answer: c.sessionSchema,
    problems: ['unauthorized'],
    cookie: true,
  }),
  logOut: define({
    ...auth,
    method: 'DELETE',
    path: paths.session,
    access: 'anybody',
    summary: 'Ends the session of the cookie.',
    status: 204,
    answer: null,
    cookie: true,
  }),
  logOutEverywhere: define({
    ...auth,
    method: 'DELETE',
    path: paths.sessions,
    access: 'user',
    summary: 'Ends every session of mine; access tokens run out within their 15 minutes.',
    status: 204,
    answer: null,
  }),

  listEvents: define({
    ...catalog,
    method: 'GET',
    path: paths.events,
    access: 'anybody',
    summary: 'What is on sale.',
    status: 200,
    answer: c.eventListSchema,
  }),
  readEvent: define({
    ...catalog,
    method: 'GET',
    path: paths.event(':slug'),
    access: 'anybody',
    summary: 'An event with its categories, prices and rows of seats.',
    params: c.slugParams,
    status: 200,
    answer: c.eventPageSchema,
    problems: ['not_found'],
  }),

  createEvent: define({
    ...catalog,
    method: 'POST',
    path: paths.organiser.events,
    access: 'organiser',
    summary: 'Puts an event on sale, without a restart of anything.',
    body: c.newEventSchema,
    bodyLimit: 128 * 1024,
    status: 201,
    answer: c.newEventSchema,
    problems: ['conflict'],
  }),
  changePrice: define({
    ...catalog,
    method: 'PUT',
    path: paths.organiser.price(':slug', ':sku'),
    access: 'organiser',
    summary: 'A new price from now on; caches forget the old one.',
    params: c.categoryParams,
    body: c.priceChangeSchema,
    status: 200,
    answer: c.eventPageSchema,
  }),

  changeCapacity: define({
    ...inventory,
    method: 'PUT',
    path: paths.organiser.capacity(':slug', ':sku'),
    access: 'organiser',
    summary: 'Takes free seats off the sale, or puts them back; never those that somebody has.',
    params: c.categoryParams,
    body: c.capacityChangeSchema,
    status: 200,
    answer: c.capacitySchema,
    problems: ['not_found', 'conflict'],
  }),
  readWaitingRoom: define({
    ...inventory,
    method: 'GET',
    path: paths.waitingRoom(':slug'),
    access: 'anybody',
    summary: 'Where everybody stands: one document for all, good for a second.',
    params: c.slugParams,
    status: 200,
    answer: c.waitingRoomSchema,
  }),
  joinWaitingRoom: define({
    ...inventory,
    method: 'POST',
    path: paths.waitingTicket(':slug'),
    access: 'user',
    summary: 'A place in the draw before the opening, in the queue after it.',
    params: c.slugParams,
    status: 201,
    answer: c.waitingTicketSchema,
  }),
  enterSale: define({
    ...inventory,
    method: 'POST',
    path: paths.waitingPass(':slug'),
    access: 'user',
    summary: 'Exchanges a ticket whose turn has come for a pass.',
    params: c.slugParams,
    body: c.passRequestSchema,
    status: 200,
    answer: c.admissionSchema,
    problems: ['pass_needed'],
  }),
  changeSale: define({
    ...inventory,
    method: 'PUT',
    path: paths.organiser.sale(':slug'),
    access: 'organiser',
    summary: 'Pauses or resumes the sale; what is held can still be bought.',
    params: c.slugParams,
    body: c.saleChangeSchema,
    status: 200,
    answer: c.saleChangeSchema,
  }),
  readAvailability: define({
    ...inventory,
    method: 'GET',
    path: paths.availability(':slug'),
    access: 'anybody',
    summary: 'What is free, held and sold at this moment.',
    params: c.slugParams,
    status: 200,
    answer: c.availabilitySchema,
    problems: ['not_found'],
  }),
  hold: define({
    ...inventory,
    method: 'POST',
    path: paths.holds,
    access: 'user',
    summary: 'Takes seats for two minutes, all or none.',
    body: c.holdRequestSchema,
    status: 201,
    answer: c.heldSeatsSchema,
    problems: [
      'not_found',
      'pass_needed',
      'not_open',
      'seat_taken',
      'limit_reached',
      'conflict',
      'hold_expired',
    ],
  }),
  readHold: define({
    ...inventory,
    method: 'GET',
    path: paths.hold(':id'),
    access: 'user',
    summary: 'A hold of mine that is not over.',
    params: c.idParams,
    status: 200,
    answer: c.heldSeatsSchema,
    problems: ['not_found'],
  }),
  extendHold: define({
    ...inventory,
    method: 'POST',
    path: paths.extendHold(':id'),
    access: 'user',
    summary: 'Another two minutes, once; asking again changes nothing.',
    params: c.idParams,
    status: 200,
    answer: c.heldSeatsSchema,
    problems: ['not_found', 'conflict', 'hold_expired'],
  }),
  releaseHold: define({
    ...inventory,
    method: 'DELETE',
    path: paths.hold(':id'),
    access: 'user',
    summary: 'Gives the seats back.',
    params: c.idParams,
    status: 204,
    answer: null,
    problems: ['not_found'],
  }),

  placeOrder: define({
    ...orders,
    method: 'POST',
    path: paths.orders,
    access: 'user',
    summary: 'Buys what is held: accepted at once, paid by a worker.',
    body: c.orderRequestSchema,
    status: 202,
    answer: c.orderAcceptedSchema,
    problems: ['not_found', 'conflict', 'price_changed', 'hold_expired'],
  }),
  cancelOrder: define({
    ...orders,
    method: 'POST',
    path: paths.cancelOrder(':id'),
    access: 'user',
    summary: 'Gives tickets of mine that nobody has used back for their money.',
    params: c.idParams,
    status: 202,
    answer: c.orderSchema,
    problems: ['conflict'],
  }),
  readOrder: define({
    ...orders,
    method: 'GET',
    path: paths.order(':id'),
    access: 'user',
    summary: 'An order of mine with its tickets.',
    params: c.idParams,
    status: 200,
    answer: c.orderSchema,
    problems: ['not_found'],
  }),
  ticketKey: define({
    ...orders,
    method: 'GET',
    path: paths.ticketKey,
    access: 'anybody',
    summary: 'The key that verifies tickets without asking anybody.',
    status: 200,
    answer: c.ticketKeySchema,
  }),

  scan: define({
    ...orders,
    method: 'POST',
    path: paths.scans,
    access: 'scanner',
    summary: 'Lets a ticket in, once; two scans at a time are one that lets in.',
    body: c.scanRequestSchema,
    status: 200,
    answer: c.scanResultSchema,
  }),
  doorList: define({
    ...orders,
    method: 'GET',
    path: paths.doorList(':slug'),
    access: 'scanner',
    summary: 'What a scanner needs before it goes offline: the key, the tickets, which are used.',
    params: c.slugParams,
    status: 200,
    answer: c.doorListSchema,
  }),
  syncScans: define({
    ...orders,
    method: 'POST',
    path: paths.scanSync,
    access: 'scanner',
    summary:
      'What was let in without network; conflicts are reported, the same list twice is once.',
    body: c.offlineScansSchema,
    bodyLimit: 1024 * 1024,
    status: 200,
    answer: c.syncReportSchema,
  }),

  saleReport: define({
    ...orders,
    method: 'GET',
    path: paths.organiser.event(':slug'),
    access: 'organiser',
    summary: 'How the sale goes.',
    params: c.slugParams,
    status: 200,
    answer: c.saleReportSchema,
  }),
  stuckOrders: define({
    ...orders,
    method: 'GET',
    path: paths.organiser.stuck,
    access: 'organiser',
    summary: 'Orders that nobody has settled within a minute, and why.',
    status: 200,
    answer: c.stuckOrdersSchema,
  }),
  retryOrder: define({
    ...orders,
    method: 'POST',
    path: paths.organiser.retry(':id'),
    access: 'organiser',
    summary: "Puts an order's job that was given up back into its queue.",
    params: c.idParams,
    status: 200,
    answer: c.retrySchema,
    problems: ['not_found'],
  }),
  refundOrder: define({
    ...orders,
    method: 'POST',
    path: paths.organiser.refund(':id'),
    access: 'organiser',
    summary: "Cancels anybody's order and returns the money.",
    params: c.idParams,
    status: 202,
    answer: c.orderSchema,
    problems: ['conflict'],
  }),
  auditLog: define({
    ...orders,
    method: 'GET',
    path: paths.organiser.audit,
    access: 'organiser',
    summary: 'Who did what, the latest first.',
    query: c.auditQuery,
    status: 200,
    answer: c.auditLogSchema,
  }),

  pspWebhook: define({
    ...payments,
    method: 'POST',
    path: paths.pspWebhook,
    access: 'anybody',
    summary:
      'The payment provider tells what became of a charge; signed, heard once, in any order.',
    body: c.pspEventSchema,
    status: 204,
    answer: null,
    problems: ['unauthorized'],
  }),
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof api;

/** What a handler gets of a route, checked. */
export type InputOf<R extends Route> = {
  params: R['params'] extends z.ZodType ? z.output<R['params']> : undefined;
  query: R['query'] extends z.ZodType ? z.output<R['query']> : undefined;
  body: R['body'] extends z.ZodType ? z.output<R['body']> : undefined;
  user: R['access'] extends 'anybody' ? undefined : c.Caller;
};
/** What it must give. */
export type AnswerOf<R extends Route> = R['answer'] extends z.ZodType
  ? z.output<R['answer']>
  : undefined;
