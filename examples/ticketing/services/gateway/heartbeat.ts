/**
 * Pings of all WebSockets of a process, by one timer: each second a slice of them, so that all have had
 * theirs within the period and no moment has to ping everybody.
 */
/** a whole frame without payload (RFC 6455, section 5.5.2): of these there are 5,000 a second */
export const pingFrame = Buffer.from([0x89, 0]);

/** A WebSocket, as far as it matters here. */
export type Pulse = { ping(): void; terminate(): void };

const periodSeconds = 30;

export class Heartbeat {
  /** dense: the last one takes the place of one that leaves */
  readonly #sockets: Pulse[] = [];
  readonly #places = new Map<Pulse, number>();
  /** who was pinged and has not answered */
  readonly #silent = new Set<Pulse>();
  readonly #timer: NodeJS.Timeout;
  #next = 0;

  constructor() {
    this.#timer = setInterval(() => this.#beat(), 1_000).unref();
  }

  add(socket: Pulse): void {
    this.#places.set(socket, this.#sockets.length);
    this.#sockets.push(socket);
  }

  heard(socket: Pulse): void {
    this.#silent.delete(socket);
  }

  remove(socket: Pulse): void {
    const place = this.#places.get(socket);
    const last = this.#sockets.pop();
    if (place !== undefined && last && last !== socket) {
      this.#sockets[place] = last;
      this.#places.set(last, place);
    }
    this.#places.delete(socket);
    this.#silent.delete(socket);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** A browser that is gone without a word is noticed at the second ping. */
  #beat(): void {
    const count = Math.ceil(this.#sockets.length / periodSeconds);
    for (let pinged = 0; pinged < count; pinged += 1) {
      this.#next = (this.#next + 1) % this.#sockets.length;
      const socket = this.#sockets[this.#next] as Pulse;
      if (this.#silent.has(socket)) socket.terminate();
      else {
        this.#silent.add(socket);
        socket.ping();
      }
    }
  }
}
