/**
 * One address in front of several instances, as a Service of Kubernetes is: each new connection goes to the next
 * instance that takes it. It knows nothing of HTTP; who asks again is its client's business.
 */
import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net';

const connectTimeoutMs = 1_000;

export class Balancer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #next = 0;

  private constructor(targets: readonly number[]) {
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (client) => {
      this.#keep(client);
      void this.#serve(client, targets);
    });
  }

  /** Listens on `port` of 127.0.0.1 for instances on the ports `targets`, which need not be up yet. */
  static async listen(port: number, targets: readonly number[]): Promise<Balancer> {
    const balancer = new Balancer(targets);
    await new Promise<void>((resolve, reject) => {
      balancer.#server.once('error', reject).listen({ port, host: '127.0.0.1' }, resolve);
    });
    return balancer;
  }

  /** Takes no more connections and cuts those that are left. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(client: Socket, targets: readonly number[]): Promise<void> {
    for (let tried = 0; tried < targets.length; tried += 1) {
      const instance = await connect(targets[this.#next++ % targets.length] as number);
      if (!instance) continue;
      if (client.destroyed) return void instance.destroy();
      this.#keep(instance);
      // when one side breaks so does the other: a client must not wait for an instance that is gone
      client.once('close', () => instance.destroy());
      instance.once('close', () => client.destroy());
      client.pipe(instance).pipe(client);
      return;
    }
    client.destroy();
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(socket));
  }
}

/** A connection, or undefined where nobody takes it. */
function connect(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = tcpConnect({
      port,
      host: '127.0.0.1',
      allowHalfOpen: true,
      timeout: connectTimeoutMs,
    });
    const give = (result: Socket | undefined) => {
      socket.removeAllListeners();
      socket.setTimeout(0);
      if (!result) socket.on('error', () => {}).destroy();
      resolve(result);
    };
    socket.once('connect', () => give(socket));
    socket.once('timeout', () => give(undefined));
    socket.once('error', () => give(undefined));
  });
}
