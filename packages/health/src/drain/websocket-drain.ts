/** What is called of a `ws` socket. */
export interface WebSocketLike {
  close(code: number, reason: string): void;
  terminate(): void;
  once(event: 'close', listener: () => void): unknown;
}

/** What is called of a `ws` server. */
export interface WebSocketServerLike {
  readonly clients: Iterable<WebSocketLike>;
  on(event: 'connection', listener: (socket: WebSocketLike) => void): unknown;
}

/** RFC 6455, 7.4.1: "an endpoint is going away, such as a server going down". */
const GOING_AWAY = 1001;
/** A peer that has not answered the close frame by then is gone; nothing of ours is lost with it. */
const ANSWER_MS = 2_000;

/**
 * Tells every client of these servers to go, each at a random moment within `jitterMs`, so that they do not all
 * reconnect to the rest of the fleet in the same instant; resolves when the last of them has gone.
 * Clients that connect meanwhile are told at once. When the signal is aborted the rest is cut.
 */
export async function closeWebSockets(
  servers: readonly WebSocketServerLike[],
  jitterMs: number,
  random: () => number,
  signal: AbortSignal,
): Promise<void> {
  for (const server of servers) {
    server.on('connection', (socket) => void dismiss(socket, 0, signal));
  }
  const leaving = servers.flatMap((server) =>
    [...server.clients].map((socket) => dismiss(socket, random() * jitterMs, signal)),
  );
  await Promise.all(leaving);
}

function dismiss(socket: WebSocketLike, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cut = () => socket.terminate();
    let answer: NodeJS.Timeout | undefined;
    const goodbye = setTimeout(() => {
      socket.close(GOING_AWAY, 'going away');
      answer = setTimeout(cut, ANSWER_MS);
    }, delayMs);
    socket.once('close', () => {
      clearTimeout(goodbye);
      clearTimeout(answer);
      signal.removeEventListener('abort', cut);
      resolve();
    });
    if (signal.aborted) cut();
    else signal.addEventListener('abort', cut, { once: true });
  });
}
