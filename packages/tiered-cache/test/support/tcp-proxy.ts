import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A network between two servers: what passes is delayed, stalled (connections stay open) or cut. */
export class TcpProxy {
  delayMs: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #stalled: Promise<void> | undefined;
  #resume: (() => void) | undefined;
  #cut = false;

  private constructor(server: Server, delayMs: number) {
    this.#server = server;
    this.delayMs = delayMs;
  }

  static async start(targetPort: number, delayMs = 0): Promise<TcpProxy> {
    const server = createServer();
    const proxy = new TcpProxy(server, delayMs);
    server.on('connection', (client) => {
      if (proxy.#cut) return client.destroy();
      const target = connect(targetPort, '127.0.0.1');
      proxy.#pipe(client, target);
      proxy.#pipe(target, client);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #pipe(from: Socket, to: Socket): void {
    from.setNoDelay(true);
    this.#sockets.add(from);
    let order = Promise.resolve();
    from.on('data', (chunk) => {
      const due = performance.now() + this.delayMs;
      order = order.then(async () => {
        const wait = due - performance.now();
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        while (this.#stalled !== undefined) await this.#stalled;
        if (!to.destroyed) to.write(chunk);
      });
    });
    from.on('error', () => {});
    from.on('close', () => {
      this.#sockets.delete(from);
      void order.then(() => to.end());
    });
  }

  /** Half-open: connections stay, nothing arrives; what was sent arrives after `heal`. */
  stall(): void {
    this.#stalled ??= new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  /** Connections break, new ones are closed at once. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  heal(): void {
    this.#cut = false;
    this.#stalled = undefined;
    this.#resume?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.heal();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
