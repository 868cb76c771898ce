/**
 * Pings of all WebSockets of a process, by one timer: each second a slice of them, so that all have had
 * theirs within the period and no moment has to ping everybody.
 */
import type { WebSocket } from 'ws';

const periodSeconds = 30;

export class Heartbeat {
  /** dense: the last one takes the place of one that leaves */
  readonly #sockets: WebSocket[] = [];
  readonly #places = new Map<WebSocket, number>();
  /** who was pinged and has not answered */
  readonly #silent = new Set<WebSocket>();
  readonly #timer: NodeJS.Timeout;
  #next = 0;

  constructor() {
    this.#timer = setInterval(() => this.#beat(), 1_000).unref();
  }

  add(socket: WebSocket): void {
    this.#places.set(socket, this.#sockets.length);
    this.#sockets.push(socket);
  }

  heard(socket: WebSocket): void {
    this.#silent.delete(socket);
  }

  remove(socket: WebSocket): void {
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
      const socket = this.#sockets[this.#next] as WebSocket;
      if (this.#silent.has(socket)) socket.terminate();
      else {
        this.#silent.add(socket);
        socket.ping();
      }
    }
  }
}
