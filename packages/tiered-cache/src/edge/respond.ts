import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EdgeCache, EdgeMark } from './edge-cache.ts';

type Body = string | Uint8Array;

/** A strong ETag: quoted, by SHA-256 of the body. O(size). */
export const etagOf = (body: Body): string =>
  `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;

/** Whether a client that sent this If-None-Match has the representation already (RFC 9110, 13.1.2). */
export function isNotModified(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  return ifNoneMatch.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}

/** What `respond` sends. */
export interface Response extends Partial<EdgeMark> {
  body: Body;
  /** Of the body. Default: `application/json`. */
  contentType?: string;
}

/**
 * Ends a response of `node:http` to GET or HEAD: 200 with an ETag and the headers of the edge, or
 * 304 when the client has it. With `ttlMs` it is marked as by `edge.mark`.
 */
export function respond(
  edge: EdgeCache,
  request: IncomingMessage,
  response: ServerResponse,
  { body, contentType = 'application/json', ttlMs, tags = [], ...mark }: Response,
): void {
  if (ttlMs !== undefined) edge.mark(request, { ttlMs, tags, ...mark });
  const { authorization } = request.headers;
  const headers = edge.headers(request, authorization, response.getHeader('set-cookie'));
  const etag = etagOf(body);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader('ETag', etag);
  if (isNotModified(request.headers['if-none-match'], etag)) {
    response.writeHead(304).end();
    return;
  }
  response.setHeader('Content-Type', contentType);
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.writeHead(200).end(request.method === 'HEAD' ? undefined : body);
}

/** What is called of Fastify's request and reply. */
interface FastifyRequestLike {
  readonly raw: object;
  readonly method: string;
  readonly headers: { authorization?: string | undefined; 'if-none-match'?: string | undefined };
}

interface FastifyReplyLike {
  readonly statusCode: number;
  getHeader(name: string): string | number | string[] | undefined;
  header(name: string, value: string): unknown;
  code(status: number): unknown;
}

/**
 * A hook for Fastify: `app.addHook('onSend', edgeHook(edge))`. Handlers mark what may be kept by
 * `edge.mark(request.raw, { tags, ttlMs })`.
 */
export function edgeHook(edge: EdgeCache) {
  return async (
    request: FastifyRequestLike,
    reply: FastifyReplyLike,
    payload: unknown,
  ): Promise<unknown> => {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead || reply.statusCode !== 200) return payload;
    const { authorization, 'if-none-match': ifNoneMatch } = request.headers;
    const headers = edge.headers(request.raw, authorization, reply.getHeader('set-cookie'));
    for (const [name, value] of Object.entries(headers)) reply.header(name, value);
    if (typeof payload !== 'string' && !(payload instanceof Uint8Array)) return payload;
    const etag = etagOf(payload);
    reply.header('ETag', etag);
    if (!isNotModified(ifNoneMatch, etag)) return payload;
    reply.code(304);
    return '';
  };
}
