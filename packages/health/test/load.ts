import { Agent, request } from 'node:http';

/** What a load has seen. */
export interface LoadResult {
  answered: number;
  /** Errors by code: ECONNRESET, ECONNREFUSED, `status 503`... */
  readonly lost: Map<string, number>;
}

interface LoadOptions {
  readonly port: number;
  /** Where the balancer asks `/ready`: the instance itself, whatever lies between it and the clients. */
  readonly readyPort: number;
  /** Where requests go once the balancer has noticed that the first instance leaves. */
  readonly sparePort: number;
  readonly clients: number;
  /** How often the balancer asks `/ready`; a new connection goes where the last answer said. */
  readonly pollMs: number;
  /** Told of every answer, with the port it came from, and of every loss. */
  readonly onAnswer?: (port: number) => void;
  readonly onLoss?: () => void;
}

interface Answer {
  readonly statusCode: number;
  readonly isReused: boolean;
}

function send(
  port: number,
  path: string,
  agent: Agent | undefined,
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        port,
        host: '127.0.0.1',
        path,
        method: body === undefined ? 'GET' : 'POST',
        ...(agent !== undefined && { agent }),
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
      },
      (response) => {
        response.resume();
        response.on('end', () =>
          resolve({ statusCode: response.statusCode ?? 0, isReused: outgoing.reusedSocket }),
        );
        response.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/**
 * Clients that POST one payment after another over kept-alive connections, each with one connection of its own, as
 * services behind kube-proxy do: a connection stays with its instance, and only a *new* connection goes where the
 * balancer's last look at `/ready` says. Nothing is retried: every error is a lost request.
 */
export function startLoad(options: LoadOptions) {
  const { port, readyPort, sparePort, clients, pollMs, onAnswer, onLoss } = options;
  const result: LoadResult = { answered: 0, lost: new Map() };
  let isRunning = true;
  let target = port;
  const poll = setInterval(() => {
    send(readyPort, '/ready', undefined).then(
      ({ statusCode }) => {
        if (statusCode !== 200) target = sparePort;
      },
      () => {
        target = sparePort;
      },
    );
  }, pollMs);
  const client = async () => {
    // One agent with one socket: when the server closes it, the next request opens a new one to `target`.
    let stick = target;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (isRunning) {
      const isConnected = Object.values(agent.freeSockets).some((free) => free?.length);
      if (!isConnected) stick = target;
      try {
        const { statusCode } = await send(stick, '/pay', agent, '{"amount":42}');
        if (statusCode === 200) {
          result.answered++;
          onAnswer?.(stick);
        } else {
          count(result.lost, `status ${statusCode}`);
          onLoss?.();
        }
      } catch (error) {
        count(result.lost, (error as NodeJS.ErrnoException).code ?? String(error));
        onLoss?.();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    agent.destroy();
  };
  const running = Array.from({ length: clients }, client);
  return {
    result,
    async stop(): Promise<LoadResult> {
      isRunning = false;
      clearInterval(poll);
      await Promise.all(running);
      return result;
    },
  };
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}
