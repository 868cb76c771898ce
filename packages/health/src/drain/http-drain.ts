import { type IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Session } from 'node:http2';
import { Server, type Socket } from 'node:net';

/**
 * How long bytes that are already under way may take to arrive: a socket that has not spoken by then was opened
 * ahead of need, and an HTTP/2 client that was told to go has stopped opening streams.
 */
const UNDER_WAY_MS = 1_000;
/** Stands in for a `keepAliveTimeout` of 0, which is none. */
const DEFAULT_LINGER_MS = 5_000;
/** The highest stream id there is: "no new streams soon", without refusing those already sent (RFC 9113, 6.8). */
const MAX_STREAM_ID = 2 ** 31 - 1;

/** What an HTTP server is seen to be: `http`, `https` and `http2` servers, Fastify's `app.server`. */
interface WebServer extends Server {
  keepAliveTimeout?: number;
  closeIdleConnections?(): void;
  closeAllConnections?(): void;
  /** Only HTTP/2 servers have it. */
  updateSettings?: unknown;
}

/**
 * Takes one HTTP server out of service without losing a request.
 *
 *     begin()    every response whose headers are not sent yet says `Connection: close`; HTTP/2 gets its notice
 *     close()    the listener closes; then, while requests finish,
 *        + 1 s       sockets that never spoke are destroyed, HTTP/2 sessions get their last GOAWAY
 *        + linger    sockets that are idle between two requests are destroyed
 *     destroy()  whatever is left is cut
 *
 * The listener is closed by `net.Server`'s `close`, not by `http.Server`'s: that one destroys idle sockets at once,
 * and a request that is on its way to one of them is lost. Between two requests a client may send on a kept-alive
 * socket until `keepAliveTimeout` has passed, so that is how long idle sockets linger.
 */
export class HttpDrain {
  readonly #server: WebServer;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Requests that have not been answered in full, with how they are called in a report. */
  readonly #inFlight = new Map<object, string>();
  #isDraining = false;

  constructor(server: Server) {
    this.#server = server;
    this.#watch();
  }

  /** What has not been answered yet, such as `POST /orders`; without query strings, which may hold secrets. */
  get inFlight(): readonly string[] {
    return [...this.#inFlight.values()];
  }

  begin(): void {
    this.#isDraining = true;
    for (const response of this.#inFlight.keys()) sayGoodbye(response);
    for (const session of this.#sessions) noticeOf(session);
  }

  /**
   * Stops listening; resolves when the last connection has ended. Idle sockets linger for `lingerMs`, without it for
   * the server's `keepAliveTimeout`, in any case for `mostMs` at most.
   */
  async close(lingerMs: number | undefined, mostMs: number): Promise<void> {
    if (!this.#server.listening && this.#sockets.size === 0) return;
    // Timers run before the poll phase and immediates after it: what the kernel has accepted is now accepted here too.
    await new Promise((resolve) => setImmediate(resolve));
    const timers: NodeJS.Timeout[] = [];
    const ended = new Promise<void>((resolve) => {
      Server.prototype.close.call(this.#server, () => resolve());
    });
    timers.push(setTimeout(() => this.#closeSilent(), UNDER_WAY_MS));
    const waitMs = lingerMs ?? (this.#server.keepAliveTimeout || DEFAULT_LINGER_MS);
    const closeIdle = () => this.#server.closeIdleConnections?.();
    const idleMs = Math.min(waitMs, mostMs);
    timers.push(setTimeout(closeIdle, idleMs));
    // Those that become idle later, after an answer that had begun before the drain, Node closes itself.
    this.#server.keepAliveTimeout = Math.max(1, idleMs);
    await ended;
    for (const timer of timers) clearTimeout(timer);
  }

  destroy(): void {
    for (const session of this.#sessions) session.destroy();
    this.#server.closeAllConnections?.();
    for (const socket of this.#sockets) socket.destroy();
  }

  #closeSilent(): void {
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
    for (const session of this.#sessions) session.close();
  }

  #watch(): void {
    const server = this.#server;
    const onSocket = (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    };
    server.on('connection', onSocket);
    // Of a TLS server also what is inside the encryption: a finished handshake is not yet a word.
    server.on('secureConnection', onSocket);
    const isHttp2 = server.updateSettings !== undefined;
    if (isHttp2) {
      server.on('session', (session: ServerHttp2Session) => this.#watchSession(session));
    }
    // On an HTTP/2 server a first 'request' listener would switch the compatibility API on; only join one.
    if (!isHttp2 || server.listenerCount('request') > 0) {
      server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
        if (request.httpVersionMajor < 2) this.#watchRequest(request, response);
      });
    }
  }

  #watchRequest(request: IncomingMessage, response: ServerResponse): void {
    this.#inFlight.set(response, nameOf(request.method, request.url));
    response.once('close', () => this.#inFlight.delete(response));
    if (this.#isDraining) sayGoodbye(response);
  }

  #watchSession(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.once('close', () => this.#sessions.delete(session));
    session.on('stream', (stream, headers) => {
      this.#inFlight.set(stream, nameOf(headers[':method'], headers[':path']));
      stream.once('close', () => this.#inFlight.delete(stream));
    });
    if (this.#isDraining) noticeOf(session);
  }
}

/** A client that reads this sends its next request over a new connection, to somebody else. */
function sayGoodbye(response: object): void {
  if (!(response instanceof ServerResponse) || response.headersSent) return;
  response.setHeader('connection', 'close');
}

function noticeOf(session: ServerHttp2Session): void {
  if (!session.closed && !session.destroyed) session.goaway(0, MAX_STREAM_ID);
}

function nameOf(method: string | undefined, url: string | undefined): string {
  return `${method ?? '?'} ${(url ?? '').split('?', 1)[0]}`.slice(0, 120);
}
