/**
 * One WebSocket a browser: availability of the event it looks at, how far its waiting room is, progress
 * of its order.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { paths } from '../../addresses.ts';
import { type Caller, clientMessageSchema, type ServerMessage } from '../../contract.ts';
import type { AccessTokens } from '../auth/access-token.ts';
import type { AvailabilityFeed } from '../inventory/availability.ts';
import { followOrder } from '../orders/progress.ts';
import { type OrderReaders, ownOrder } from '../orders/routes.ts';
import { type ReportDeps, saleReport, stuckOrders } from '../organiser/reports.ts';
import { ProblemError, parse, toProblem } from '../problem.ts';
import { RateLimit } from './rate-limit.ts';
import type { WaitingFeed } from './waiting-feed.ts';

const pingEveryMs = 30_000;
const reportEveryMs = 1_000;
/** a browser that reads so slowly is cut off; it reconnects and begins with a snapshot */
const maxBufferedBytes = 1024 * 1024;
/** a page sends a handful when it opens; who sends hundreds is none of ours */
const messages = { perSecond: 5, burst: 50 };
/** one page looks at one event and pays for one order; a few more are several tabs' worth */
const maxWatched = 8;

export type SocketDeps = OrderReaders &
  ReportDeps & {
    tokens: AccessTokens;
    availability: AvailabilityFeed;
    waiting: WaitingFeed;
    log: Logger;
  };

/** Answers the upgrades of `server`. Closing the returned server is the shutdown's business. */
export function webSockets(server: Server, deps: SocketDeps): WebSocketServer {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 8 * 1024 });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!isOurs(request)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      sockets.emit('connection', webSocket, request);
      new Connection(webSocket, deps);
    });
  });
  return sockets;
}

/** Browsers send cookies to any site's WebSocket; only pages of this very host may open one. */
function isOurs({ url, headers }: IncomingMessage): boolean {
  if (url?.split('?')[0] !== paths.socket) return false;
  if (headers.origin === undefined) return true;
  return URL.canParse(headers.origin) && new URL(headers.origin).host === headers.host;
}

class Connection {
  readonly #socket: WebSocket;
  readonly #deps: SocketDeps;
  readonly #closed = new AbortController();
  readonly #watched = new Map<string, AbortController>();
  #user: Promise<Caller> | undefined;
  readonly #limit = new RateLimit({ ...messages, maxAddresses: 1 });
  #alive = true;

  constructor(socket: WebSocket, deps: SocketDeps) {
    this.#socket = socket;
    this.#deps = deps;
    const ping = setInterval(() => this.#ping(), pingEveryMs).unref();
    socket.on('pong', () => {
      this.#alive = true;
    });
    socket.on('message', (data) => void this.#receive(data));
    socket.on('error', (error) => deps.log.debug({ err: error }, 'WebSocket failed'));
    socket.on('close', () => {
      clearInterval(ping);
      this.#closed.abort();
    });
  }

  async #receive(data: RawData): Promise<void> {
    if (this.#limit.take('') > 0) {
      this.#socket.close(1008, 'too many messages');
      return;
    }
    try {
      const message = parse(clientMessageSchema, readJson(data));
      if (message.type === 'authorize') {
        this.#user = this.#deps.tokens.verify(message.accessToken);
        await this.#user;
      } else if (message.type === 'watch-event') await this.#watchEvent(message.event);
      else if (message.type === 'watch-waiting-room') await this.#watchRoom(message.event);
      else if (message.type === 'watch-sale') await this.#watchSale(message.event);
      else await this.#watchOrder(message.order);
    } catch (error) {
      const { status, problem } = toProblem(error);
      if (status >= 500) this.#deps.log.error({ err: error }, 'WebSocket message failed');
      this.#send({ type: 'problem', problem });
    }
  }

  async #watchEvent(slug: string): Promise<void> {
    const signal = this.#begin(`event ${slug}`);
    // listen first, look second: what happens in between comes twice and not never
    const stop = await this.#deps.availability.watch(slug, (change) => this.#send(change));
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    const availability = await this.#deps.availability.snapshot(slug);
    this.#send({ type: 'availability', availability });
  }

  async #watchRoom(slug: string): Promise<void> {
    const signal = this.#begin(`room ${slug}`);
    const stop = await this.#deps.waiting.watch(slug, (message) => this.#pass(message));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  }

  /** Few people are organisers: each has the report counted anew every second. */
  async #watchSale(slug: string): Promise<void> {
    const user = await this.#user;
    if (user?.role !== 'organiser') throw new ProblemError('forbidden', 'This is for organisers.');
    const signal = this.#begin(`sale ${slug}`);
    do {
      const [report, { orders }] = await Promise.all([
        saleReport(this.#deps, slug),
        stuckOrders(this.#deps),
      ]);
      if (!signal.aborted) this.#send({ type: 'sale', report, stuck: orders });
      await sleep(reportEveryMs, undefined, { signal, ref: false }).catch(() => {});
    } while (!signal.aborted);
  }

  async #watchOrder(id: string): Promise<void> {
    if (!this.#user) throw new ProblemError('unauthorized', 'Please log in.');
    const user = await this.#user;
    const stored = await ownOrder(this.#deps.database, id, user.id);
    const signal = this.#begin(`order ${id}`);
    for await (const order of followOrder(this.#deps, stored, signal)) {
      this.#send({ type: 'order', order });
    }
  }

  /** Watching the same thing again replaces the earlier watch: a page may repeat itself. */
  #begin(what: string): AbortSignal {
    this.#watched.get(what)?.abort();
    this.#watched.delete(what);
    if (this.#watched.size >= maxWatched) {
      const [oldest] = this.#watched.entries();
      if (oldest) {
        oldest[1].abort();
        this.#watched.delete(oldest[0]);
      }
    }
    const watch = new AbortController();
    this.#watched.set(what, watch);
    return AbortSignal.any([watch.signal, this.#closed.signal]);
  }

  #send(message: ServerMessage): void {
    this.#pass(JSON.stringify(message));
  }

  #pass(text: string | Buffer): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    if (this.#socket.bufferedAmount > maxBufferedBytes) this.#socket.terminate();
    else this.#socket.send(text, { binary: false });
  }

  /** A browser that is gone without a word is noticed at the second ping. */
  #ping(): void {
    if (this.#alive) this.#socket.ping();
    else this.#socket.terminate();
    this.#alive = false;
  }
}

function readJson(data: RawData): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    throw new ProblemError('invalid_input', 'The message is not valid JSON.');
  }
}
