import { type JobQueue, type JobStatus, JobsError } from './index.ts';
import { integer } from './options.ts';

/** What is called of a socket; `ws`'s `WebSocket` has this shape. */
export interface WebSocketLike {
  send(text: string, sent: (error?: Error | null) => void): void;
  // biome-ignore lint/suspicious/noExplicitAny: arguments depend on the event
  on(event: 'message' | 'close' | 'error', listener: (...args: any[]) => void): unknown;
}

/** What `serveJobSocket` takes beside queue and socket. */
export interface JobSocketOptions {
  /** Jobs one socket may follow at a time. Default 100. */
  readonly maxSubscriptions?: number;
}

/** What the server sends. */
export type JobSocketMessage =
  | { readonly type: 'status'; readonly status: JobStatus }
  | { readonly type: 'error'; readonly code: string; readonly message: string };

/**
 * Lets a socket follow jobs: it sends `{"subscribe":"<token of the ticket>"}` and gets
 * `{"type":"status","status":{...}}` for now and for every change up to the final one;
 * `{"unsubscribe":"<job id>"}` ends that. A token that is not valid is answered by
 * `{"type":"error","code":"ERR_JOB_TOKEN",...}`.
 *
 * The next status of a job is read only when the last one has left the process: a slow socket
 * costs one status per job, and gets the latest when it is ready.
 *
 * @throws RangeError naming field, rule and value
 */
export function serveJobSocket(
  queue: JobQueue,
  socket: WebSocketLike,
  options: JobSocketOptions = {},
): void {
  const max = integer('maxSubscriptions', options.maxSubscriptions ?? 100, 1, 100_000);
  const following = new Map<string, AbortController>();
  const send = (message: JobSocketMessage): Promise<void> =>
    new Promise((resolve) => {
      try {
        socket.send(JSON.stringify(message), () => resolve());
      } catch {
        resolve(); // it has closed: its event says so
      }
    });
  const refuse = (error: unknown): void => {
    const known = JobsError.is(error);
    const code = known ? error.code : 'ERR_JOB_SOCKET';
    // what is not one of ours may speak of the inside
    const message = known ? error.message : 'The subscription failed';
    void send({ type: 'error', code, message });
  };

  async function follow(id: string, ending: AbortController): Promise<void> {
    try {
      for await (const status of queue.watch(id, { signal: ending.signal })) {
        await send({ type: 'status', status });
      }
    } catch (error) {
      refuse(error);
    } finally {
      if (following.get(id) === ending) following.delete(id);
    }
  }

  function heard(text: string): void {
    const request = JSON.parse(text) as { subscribe?: unknown; unsubscribe?: unknown };
    if (request.subscribe !== undefined) {
      const id = queue.verifyToken(request.subscribe);
      if (following.has(id)) return;
      if (following.size >= max) throw new RangeError(`Expected at most ${max} subscriptions`);
      const ending = new AbortController();
      following.set(id, ending);
      void follow(id, ending);
    } else if (typeof request.unsubscribe === 'string') {
      following.get(request.unsubscribe)?.abort();
    } else throw new TypeError('Expected `subscribe` or `unsubscribe`');
  }

  socket.on('message', (data: unknown) => {
    try {
      heard(String(data));
    } catch (error) {
      refuse(error instanceof SyntaxError ? new TypeError('Expected JSON') : error);
    }
  });
  const end = (): void => {
    for (const ending of following.values()) ending.abort();
  };
  socket.on('close', end);
  socket.on('error', end);
}
