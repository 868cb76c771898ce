import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A payment provider that charges once per idempotency key, and counts how often it was called. Who
 * handles a job also tells it of the delivery, at `/deliveries`: it is what no fault takes away.
 */
export class Provider {
  readonly #server: Server;
  readonly #calls = new Map<string, number>();
  deliveries = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      let id = '';
      request.setEncoding('utf8').on('data', (part: string) => {
        id += part;
      });
      request.on('end', () => {
        if (request.url === '/deliveries') this.deliveries++;
        else this.#calls.set(id, (this.#calls.get(id) ?? 0) + 1);
        response.end();
      });
    });
  }

  static async open(): Promise<Provider> {
    const provider = new Provider();
    provider.#server.listen(0, '127.0.0.1');
    await once(provider.#server, 'listening');
    return provider;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Different keys: what was charged. */
  get charges(): number {
    return this.#calls.size;
  }

  /** Calls beyond the first of their key. */
  get calledAgain(): number {
    return [...this.#calls.values()].reduce((sum, calls) => sum + calls - 1, 0);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
