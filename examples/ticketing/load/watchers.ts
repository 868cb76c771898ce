/**
 * People who look at the hall while everything breaks, by a WebSocket each to one of the fronts. Whoever is cut off comes
 * back, and whoever is refused asks again, as the page does (web/src/live.ts), each after a moment of his own.
 */
import { WebSocket } from 'ws';
import { paths } from '../addresses.ts';
import type { ClientMessage, ServerMessage } from '../contract.ts';

export type WatchersOptions = {
  count: number;
  event: string;
  token: string;
  /** the fronts, as they are now */
  urls: () => string[];
  random: () => number;
};

export class Watchers {
  readonly #options: WatchersOptions;
  readonly #sockets = new Set<WebSocket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #heard = new Set<number>();
  #seat: string | undefined;
  #turn = 0;
  #isOver = false;
  /** connections that were open and were cut */
  cuts = 0;
  /** messages that said that something was refused */
  problems = 0;

  constructor(options: WatchersOptions) {
    this.#options = options;
    for (let who = 0; who < options.count; who += 1) this.#connect(who);
  }

  /** So many are connected. */
  get connected(): number {
    return [...this.#sockets].filter(({ readyState }) => readyState === WebSocket.OPEN).length;
  }

  /** From now on it is counted who is told that this seat, which was free all the time, is so no more. */
  lookOutFor(seat: string): void {
    this.#heard.clear();
    this.#seat = seat;
  }
  get heard(): number {
    return this.#heard.size;
  }

  end(): void {
    this.#isOver = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#sockets) socket.terminate();
  }

  #connect(who: number): void {
    const { urls, event, token } = this.#options;
    const fronts = urls();
    this.#turn += 1;
    const url = fronts[this.#turn % fronts.length];
    if (!url) {
      this.#later(500, () => this.#connect(who));
      return;
    }
    const socket = new WebSocket(url.replace('http', 'ws') + paths.socket);
    this.#sockets.add(socket);
    const say = (message: ClientMessage) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
    };
    const watch = () => {
      say({ type: 'authorize', accessToken: token });
      say({ type: 'watch-event', event });
    };
    let wasOpen = false;
    socket.on('open', () => {
      wasOpen = true;
      watch();
    });
    socket.on('message', (data) => this.#listen(who, String(data), watch));
    // it closes too
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (this.#isOver) return;
      if (wasOpen) this.cuts += 1;
      this.#later(500, () => this.#connect(who));
    });
  }

  #listen(who: number, text: string, again: () => void): void {
    if (text.startsWith('{"type":"problem"')) {
      this.problems += 1;
      const { problem } = JSON.parse(text) as Extract<ServerMessage, { type: 'problem' }>;
      this.#later(problem.retryAfterMs ?? 1_000, again);
    } else if (this.#seat && text.includes(`"${this.#seat}":`)) this.#heard.add(who);
  }

  /** After half of `ms` to one and a half. */
  #later(ms: number, what: () => void): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        what();
      },
      ms * (0.5 + this.#options.random()),
    );
    this.#timers.add(timer);
  }
}
