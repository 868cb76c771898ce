/**
 * A front before the shop that puts messages of its own among what a page's socket hears: real frames, which cost the
 * page what those of the shop do. A route of Playwright costs it 2 ms a message, more than to paint a frame.
 */
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import type { ServerMessage } from '../contract.ts';

export class FeedFront {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });

  private constructor(
    server: Server,
    shopUrl: string,
    onMessage: (message: ServerMessage) => void,
  ) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('upgrade', (upgrade, socket, head) => {
      // as the page sent it, so that the shop finds a page of its own host
      const { host, origin, cookie } = upgrade.headers;
      const behind = new WebSocket(`${shopUrl.replace('http', 'ws')}${upgrade.url}`, {
        headers: { host, origin, ...(cookie && { cookie }) },
      });
      behind.on('error', () => socket.destroy());
      behind.once('open', () =>
        this.#sockets.handleUpgrade(upgrade, socket, head, (page) => {
          page.on('message', (data) => behind.send(String(data)));
          page.once('close', () => behind.close());
          behind.once('close', () => page.close());
          behind.on('message', (data) => {
            onMessage(JSON.parse(String(data)) as ServerMessage);
            page.send(String(data));
          });
        }),
      );
    });
  }

  static async start(
    shopUrl: string,
    onMessage: (message: ServerMessage) => void,
  ): Promise<FeedFront> {
    const server = createServer((asked, answer) => {
      const { method, headers, url = '/' } = asked;
      const behind = request(new URL(url, shopUrl), { method, headers }, (response) => {
        answer.writeHead(response.statusCode ?? 502, response.headers);
        response.pipe(answer);
      });
      behind.once('error', () => answer.destroy());
      asked.pipe(behind);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FeedFront(server, shopUrl, onMessage);
  }

  /** To every page that is connected. */
  tell(message: ServerMessage): void {
    for (const page of this.#sockets.clients) page.send(JSON.stringify(message));
  }

  async stop(): Promise<void> {
    for (const page of this.#sockets.clients) page.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
