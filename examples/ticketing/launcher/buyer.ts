/**
 * A buyer without a browser: only the public HTTP API and one WebSocket, as a page uses them. The
 * launcher sells its first ticket with it, and the tests buy with it.
 */
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { paths, testCards } from '../addresses.ts';
import type {
  Availability,
  ClientMessage,
  EventPage,
  HeldSeats,
  Order,
  OrderAccepted,
  Problem,
  ServerMessage,
  Session,
  TicketKey,
} from '../contract.ts';

/** The server refused, and said why. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  readonly problem: Problem;
  constructor(status: number, problem: Problem) {
    super(`${status} ${problem.code}: ${problem.message}`);
    this.status = status;
    this.problem = problem;
  }
}

export class Buyer {
  readonly #url: string;
  #token: string | undefined;

  /** `token` spares the login. */
  constructor(url: string, token?: string) {
    this.#url = url;
    this.#token = token;
  }

  async register(name: string, email: string, password: string): Promise<Session> {
    return this.#keep(await this.#call('POST', paths.users, { name, email, password }));
  }
  async logIn(email: string, password: string): Promise<Session> {
    return this.#keep(await this.#call('POST', paths.session, { email, password }));
  }
  event(slug: string): Promise<EventPage> {
    return this.#call('GET', paths.event(slug));
  }
  availability(slug: string): Promise<Availability> {
    return this.#call('GET', paths.availability(slug));
  }
  hold(event: string, seats: string[], id = randomUUID() as string): Promise<HeldSeats> {
    return this.#call('POST', paths.holds, { id, event, seats });
  }
  extend(holdId: string): Promise<HeldSeats> {
    return this.#call('POST', paths.extendHold(holdId));
  }
  release(holdId: string): Promise<void> {
    return this.#call('DELETE', paths.hold(holdId));
  }
  /** Resolves when the order was accepted, which is long before it is paid. */
  order(
    holdId: string,
    card: string = testCards.good,
    id = randomUUID() as string,
    amountCents?: number,
  ): Promise<OrderAccepted> {
    return this.#call('POST', paths.orders, { id, holdId, card, amountCents });
  }
  readOrder(id: string): Promise<Order> {
    return this.#call('GET', paths.order(id));
  }
  cancel(orderId: string): Promise<Order> {
    return this.#call('POST', paths.cancelOrder(orderId));
  }
  ticketKey(): Promise<TicketKey> {
    return this.#call('GET', paths.ticketKey);
  }

  /** Opens the buyer's WebSocket and authorises it. */
  async connect(options: { signal?: AbortSignal | undefined } = {}): Promise<BuyerSocket> {
    const socket = new WebSocket(this.#url.replace(/^http/, 'ws') + paths.socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
      options.signal?.addEventListener('abort', () => socket.terminate(), { once: true });
    });
    const connected = new BuyerSocket(socket);
    if (this.#token) connected.send({ type: 'authorize', accessToken: this.#token });
    return connected;
  }

  #keep(session: Session): Session {
    this.#token = session.accessToken;
    return session;
  }

  /** Any other route, as the buyer. @throws Refused */
  call<T>(method: string, path: string, body?: unknown): Promise<T> {
    return this.#call(method, path, body);
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers: Record<string, string> = {};
    if (this.#token) headers.authorization = `Bearer ${this.#token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const response = await fetch(this.#url + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(15_000),
    });
    const text = await response.text();
    if (!response.ok) throw new Refused(response.status, JSON.parse(text) as Problem);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
}

/** One WebSocket; messages are kept, so that waiting for one that has come already ends at once. */
export class BuyerSocket {
  readonly messages: ServerMessage[] = [];
  readonly #socket: WebSocket;
  readonly #wake = new Set<() => void>();
  #closed = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      this.messages.push(JSON.parse(String(data)) as ServerMessage);
      this.#wakeAll();
    });
    socket.on('close', () => {
      this.#closed = true;
      this.#wakeAll();
    });
    socket.on('error', () => {});
  }

  send(message: ClientMessage): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** The first message, past or future, that `accept` takes. @throws Error after `timeoutMs` */
  async until<T extends ServerMessage>(
    accept: (message: ServerMessage) => message is T,
    timeoutMs = 30_000,
  ): Promise<T> {
    const deadline = performance.now() + timeoutMs;
    for (let next = 0; ; next += 1) {
      while (next >= this.messages.length) {
        const remaining = deadline - performance.now();
        if (this.#closed || remaining <= 0) {
          throw new Error(`The WebSocket ${this.#closed ? 'closed' : 'was silent'} too early`);
        }
        await this.#change(remaining);
      }
      const message = this.messages[next];
      if (message && accept(message)) return message;
    }
  }

  /** The order once nothing more will happen to it. */
  async untilSettled(orderId: string, timeoutMs?: number): Promise<Order> {
    const { order } = await this.until(
      (message): message is Extract<ServerMessage, { type: 'order' }> =>
        message.type === 'order' &&
        message.order.id === orderId &&
        message.order.state !== 'processing',
      timeoutMs,
    );
    return order;
  }

  close(): void {
    this.#socket.close();
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wake.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#wake.add(done);
    });
  }

  #wakeAll(): void {
    for (const wake of this.#wake) wake();
  }
}
