/** What an entry of `api.ts` says of a route, and what follows from it for its handler. */
import type { z } from 'zod';
import type { Caller, ProblemCode, Role } from './contract.ts';

/** The services that answer HTTP calls; the gateway stands in front of them. */
export const apiServices = ['auth', 'catalog', 'inventory', 'orders', 'payments'] as const;
export type ApiService = (typeof apiServices)[number];
/** Anybody, whoever is logged in, or only who has that role. */
export type Access = 'anybody' | 'user' | Exclude<Role, 'buyer'>;

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
  readonly problems?: readonly ProblemCode[];
  /** reads or sets the session cookie */
  readonly cookie?: true;
};

/** Keeps the exact types of an entry. */
export const define = <const R extends Route>(route: R): R => route;

/** What a handler gets of a route, checked. */
export type InputOf<R extends Route> = {
  params: R['params'] extends z.ZodType ? z.output<R['params']> : undefined;
  query: R['query'] extends z.ZodType ? z.output<R['query']> : undefined;
  body: R['body'] extends z.ZodType ? z.output<R['body']> : undefined;
  user: R['access'] extends 'anybody' ? undefined : Caller;
};
/** What it must give. */
export type AnswerOf<R extends Route> = R['answer'] extends z.ZodType
  ? z.output<R['answer']>
  : undefined;
