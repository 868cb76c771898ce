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
import type { Broadcasts } from '../inventory/broadcasts.ts';
import { followOrder } from '../orders/progress.ts';
import { type OrderReaders, ownOrder } from '../orders/routes.ts';
import { type ReportDeps, saleReport, stuckOrders } from '../organiser/reports.ts';
import { ProblemError, parse, toProblem } from '../problem.ts';
import { Heartbeat, Pulse, pingFrame } from './heartbeat.ts';
import { sharedTextFrame, textFrame } from './text-frame.ts';
import type { WaitingFeed } from './waiting-feed.ts';

const reportEveryMs = 1_000;
/** a browser that reads so slowly is cut off; it reconnects and begins with a snapshot */
const maxBufferedBytes = 1024 * 1024;
/** a page sends a handful when it opens; who sends hundreds is none of ours */
const messages = { perSecond: 5, burst: 50 };
/** the same for all */
const authorizedFrame = textFrame(Buffer.from('{"type":"authorized"}'));
/** one page looks at one event and pays for one order; a few more are several tabs' worth */
const maxWatched = 8;

export type SocketDeps = OrderReaders &
  ReportDeps & {
    tokens: AccessTokens;
    availability: AvailabilityFeed;
    broadcasts: Broadcasts;
    waiting: WaitingFeed;
    log: Logger;
  };

/** Answers the upgrades of `server`. Closing the returned server is the shutdown's business. */
export function webSockets(server: Server, deps: SocketDeps): WebSocketServer {
  const sockets = new WebSocketServer({
    ...{ noServer: true, maxPayload: 8 * 1024 },
    perMessageDeflate: false,
  });
  const heartbeat = new Heartbeat(deps.broadcasts);
  sockets.once('close', () => heartbeat.close());
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!isOurs(request)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      sockets.emit('connection', webSocket, request);
      new Connection(webSocket, socket, deps, heartbeat);
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

/**
 * One thing that a browser watches. A signal is made only for who needs one: it weighs more than all the
 * rest of somebody who waits, of whom there are 18,000 in a process.
 */
class Watch {
  isOver = false;
  #stop: (() => void) | undefined;

  onEnd(stop: () => void): void {
    if (this.isOver) stop();
    else this.#stop = stop;
  }
  signal(): AbortSignal {
    const controller = new AbortController();
    this.onEnd(() => controller.abort());
    return controller.signal;
  }
  end(): void {
    this.isOver = true;
    this.#stop?.();
    this.#stop = undefined;
  }
}

class Connection extends Pulse {
  readonly #socket: WebSocket;
  /** beneath it: whole frames may go there, as `ws` writes its own in one go without compression */
  readonly #wire: Duplex;
  readonly #deps: SocketDeps;
  readonly #watched = new Map<string, Watch>();
  /** Of a feed: the same bytes for all who listen. */
  readonly #pass = (message: Buffer): void => this.#write(sharedTextFrame(message));
  #user: Promise<Caller> | undefined;
  #isClosed = false;
  /** a token bucket of messages */
  #tokens = messages.burst;
  #filledAt = performance.now();

  constructor(socket: WebSocket, wire: Duplex, deps: SocketDeps, heartbeat: Heartbeat) {
    super();
    this.#socket = socket;
    this.#wire = wire;
    this.#deps = deps;
    heartbeat.add(this);
    socket.on('pong', () => heartbeat.heard(this));
    socket.on('message', (data) => void this.#receive(data));
    socket.on('error', (error) => deps.log.debug({ err: error }, 'WebSocket failed'));
    socket.on('close', () => {
      heartbeat.remove(this);
      this.#isClosed = true;
      for (const watch of this.#watched.values()) watch.end();
    });
  }

  ping(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#wire.write(pingFrame);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  async #receive(data: RawData): Promise<void> {
    if (!this.#mayGoOn()) {
      this.#socket.close(1008, 'too many messages');
      return;
    }
    try {
      const message = parse(clientMessageSchema, readJson(data));
      if (message.type === 'authorize') {
        this.#user = this.#deps.tokens.verify(message.accessToken);
        await this.#user;
        this.#write(authorizedFrame);
      } else if (message.type === 'watch-event') await this.#watchEvent(message.event);
      else if (message.type === 'watch-waiting-room') {
        await this.#watchRoom(message.event, message.place);
      } else if (message.type === 'watch-sale') await this.#watchSale(message.event);
      else await this.#watchOrder(message.order);
    } catch (error) {
      const { status, problem } = toProblem(error);
      if (status >= 500) this.#deps.log.error({ err: error }, 'WebSocket message failed');
      this.#send({ type: 'problem', problem });
    }
  }

  #mayGoOn(): boolean {
    const now = performance.now();
    const filled = this.#tokens + ((now - this.#filledAt) / 1_000) * messages.perSecond;
    this.#tokens = Math.min(messages.burst, filled);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  async #watchEvent(slug: string): Promise<void> {
    const watch = this.#begin(`event ${slug}`);
    watch.onEnd(await this.#deps.availability.watch(slug, this.#pass));
  }

  async #watchRoom(slug: string, place: number | undefined): Promise<void> {
    const watch = this.#begin(`room ${slug}`);
    watch.onEnd(await this.#deps.waiting.watch(slug, this.#pass, place));
  }

  /** Few people are organisers: each has the report counted anew every second. */
  async #watchSale(slug: string): Promise<void> {
    const user = await this.#user;
    if (user?.role !== 'organiser') throw new ProblemError('forbidden', 'This is for organisers.');
    const signal = this.#begin(`sale ${slug}`).signal();
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
    const signal = this.#begin(`order ${id}`).signal();
    for await (const order of followOrder(this.#deps, stored, signal)) {
      this.#send({ type: 'order', order });
    }
  }

  /** Watching the same thing again replaces the earlier watch: a page may repeat itself. */
  #begin(what: string): Watch {
    this.#watched.get(what)?.end();
    this.#watched.delete(what);
    if (this.#watched.size >= maxWatched) {
      const [oldest] = this.#watched.entries();
      if (oldest) {
        oldest[1].end();
        this.#watched.delete(oldest[0]);
      }
    }
    const watch = new Watch();
    if (this.#isClosed) watch.end();
    else this.#watched.set(what, watch);
    return watch;
  }

  #send(message: ServerMessage): void {
    this.#write(textFrame(Buffer.from(JSON.stringify(message))));
  }

  #write(frame: Buffer): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    if (this.#wire.writableLength > maxBufferedBytes) this.#socket.terminate();
    else {
      this.#wire.write(frame);
      this.isTold = true;
    }
  }
}

function readJson(data: RawData): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    throw new ProblemError('invalid_input', 'The message is not valid JSON.');
  }
}
