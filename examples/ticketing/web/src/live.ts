import { signal } from '@preact/signals';
import { paths } from '../../addresses.ts';
import type { ClientMessage, ServerMessage } from '../../contract.ts';

export type Connection = 'connecting' | 'live' | 'lost';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/**
 * The one WebSocket of the page. It comes back by itself with growing, random waits (a thousand
 * browsers that lost the same server must not return in the same second), and calls `onOpen` each
 * time, for the caller to say again what it watches.
 */
export class Live {
  readonly connection = signal<Connection>('connecting');
  readonly #onOpen: () => void;
  readonly #onMessage: (message: ServerMessage) => void;
  #socket: WebSocket | null = null;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: { onOpen: () => void; onMessage: (message: ServerMessage) => void }) {
    this.#onOpen = options.onOpen;
    this.#onMessage = options.onMessage;
    addEventListener('online', () => this.#connectNow());
    addEventListener('offline', () => this.#socket?.close());
    // a closed laptop wakes up with a socket that is dead or about to be
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden && this.connection.value !== 'live') this.#connectNow();
    });
  }

  connect(): void {
    clearTimeout(this.#timer);
    const address = new URL(paths.socket, location.href);
    address.protocol = address.protocol.replace('http', 'ws');
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.onopen = () => {
      this.#failures = 0;
      this.connection.value = 'live';
      this.#onOpen();
    };
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket) this.#onMessage(JSON.parse(data) as ServerMessage);
    };
    socket.onclose = () => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      this.connection.value = 'lost';
      const ceilingMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures++);
      this.#timer = setTimeout(() => this.connect(), ceilingMs * (0.5 + Math.random() / 2));
    };
  }

  /** Says it if connected; if not, `onOpen` will have the chance. */
  send(message: ClientMessage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #connectNow(): void {
    if (this.#socket) return;
    this.#failures = 0;
    this.connect();
  }
}
