import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type JobQueue, JobsError } from './index.ts';
import { integer } from './options.ts';
import { isFinal } from './status.ts';

/** What `serveJobEvents` takes beside queue, request and response. */
export interface JobEventsOptions {
  /** The ticket's token. Default: `?token=` of the URL, or a bearer token in `authorization`. */
  readonly token?: string;
  /** Milliseconds between comments that keep proxies from closing a quiet connection. Default 15,000. */
  readonly heartbeatMs?: number;
}

const FINAL = 'final';

/**
 * Follows one job as server-sent events: `event: status` with the status as JSON, for now and for
 * every change up to the final one, then the response ends. A browser's EventSource that connects
 * again after that is told 204, which stops it. Resolves when the response is over; answers 401
 * to a token that is not valid. A slow reader gets the latest only.
 *
 * @throws RangeError naming field, rule and value
 */
export async function serveJobEvents(
  queue: JobQueue,
  request: IncomingMessage,
  response: ServerResponse,
  options: JobEventsOptions = {},
): Promise<void> {
  const heartbeatMs = integer('heartbeatMs', options.heartbeatMs ?? 15_000, 100);
  let id: string;
  try {
    id = queue.verifyToken(options.token ?? tokenOf(request));
  } catch (error) {
    if (!JobsError.is(error)) throw error;
    const body = JSON.stringify({ code: error.code, message: error.message });
    response.writeHead(401, { 'content-type': 'application/json' }).end(body);
    return;
  }
  if (request.headers['last-event-id'] === FINAL) {
    response.writeHead(204).end();
    return;
  }
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  response.flushHeaders();
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(':\n\n');
  }, heartbeatMs).unref();
  try {
    for await (const status of queue.watch(id, { signal: gone.signal })) {
      const last = isFinal(status.state) ? `id: ${FINAL}\n` : '';
      const flushed = response.write(`${last}event: status\ndata: ${JSON.stringify(status)}\n\n`);
      if (!flushed) await once(response, 'drain', { signal: gone.signal });
    }
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  } finally {
    clearInterval(heartbeat);
    response.end();
  }
}

function tokenOf({ url = '', headers }: IncomingMessage): string {
  const bearer = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1];
  return bearer ?? new URL(url, 'http://localhost').searchParams.get('token') ?? '';
}
