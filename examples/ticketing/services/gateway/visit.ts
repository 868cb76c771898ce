import { on, once } from 'node:events';
import { WebSocket } from 'ws';
import { paths } from '../../addresses.ts';
import type { ClientMessage } from '../../contract.ts';

/** Somebody comes by WebSocket to look at an event, hears how many seats it has, and leaves: what a gateway warms up with. */
export async function visit(
  gateway: { url: string; accessToken: string | undefined },
  event: string,
  signal: AbortSignal,
): Promise<void> {
  const { url, accessToken } = gateway;
  const socket = new WebSocket(url.replace(/^http/, 'ws') + paths.socket);
  const answers = on(socket, 'message', { signal });
  try {
    await once(socket, 'open', { signal });
    const say = (message: ClientMessage) => socket.send(JSON.stringify(message));
    if (accessToken) say({ type: 'authorize', accessToken });
    say({ type: 'watch-event', event });
    for (let due = accessToken ? 2 : 1; due > 0; due -= 1) await answers.next();
  } finally {
    // of a socket that has not come so far, `ws` says that too
    socket.on('error', () => {});
    socket.terminate();
  }
}
